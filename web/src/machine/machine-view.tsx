export function MachineView() {
  return (
    <section class="view">
      <h1>MachineView</h1>
    </section>
  );
}
