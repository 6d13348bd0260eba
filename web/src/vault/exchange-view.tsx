export function ExchangeView() {
  return (
    <section class="view">
      <h1>ExchangeView</h1>
    </section>
  );
}
