// A view whose code could not be fetched: the gateway is away, or has another version of the page by now.

export function NotLoaded() {
  return (
    <section class="view">
      <h1>This view is not there</h1>
      <p role="alert">The gateway does not answer, or its page is a newer one by now.</p>
      <button type="button" onClick={() => location.reload()}>
        Load the page again
      </button>
    </section>
  );
}
