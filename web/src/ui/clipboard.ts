// Text into the clipboard, and a word on whether it got there.
import { tell } from './notices.js';

export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    tell('done', 'Copied.');
  } catch {
    tell('error', 'The browser does not let this page copy.');
  }
}
