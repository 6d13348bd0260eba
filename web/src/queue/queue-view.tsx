export function QueueView() {
  return (
    <section class="view">
      <h1>QueueView</h1>
    </section>
  );
}
