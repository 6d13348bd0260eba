// An address that no view has.
import { Link } from 'wouter-preact';

export function NotHere() {
  return (
    <section class="view">
      <h1>Nothing here</h1>
      <p>
        This address leads nowhere. <Link href="/">To the chat</Link>
      </p>
    </section>
  );
}
