export function VaultView() {
  return (
    <section class="view">
      <h1>VaultView</h1>
    </section>
  );
}
