export function DocumentView() {
  return (
    <section class="view">
      <h1>DocumentView</h1>
    </section>
  );
}
