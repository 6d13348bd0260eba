export function DocumentsView() {
  return (
    <section class="view">
      <h1>DocumentsView</h1>
    </section>
  );
}
