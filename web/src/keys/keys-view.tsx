export function KeysView() {
  return (
    <section class="view">
      <h1>KeysView</h1>
    </section>
  );
}
