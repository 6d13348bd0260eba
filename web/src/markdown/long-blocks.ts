// Blocks that would be long are several: a list of a thousand items, read anew with each of them, would hold up the page.
// Each part reads as what it is part of. Pure.
import type { Token, Tokens } from 'marked';

const MAX_ITEMS = 20;
const MAX_LINES = 30;
/** What a line begins with that is text wherever it stands: at the start of a block others would be a list, or code. */
const PLAIN_START = /^[\p{L}"'“(]/u;

/** The sources of the parts, which together are the block's. */
export function partsOf(token: Token): string[] {
  return token.type === 'list' ? listParts(token as Tokens.List) : paragraphParts(token);
}

function listParts({ raw, items }: Tokens.List): string[] {
  const parts: string[] = [];
  let from = 0;
  let end = 0;
  for (const [index, item] of items.entries()) {
    // Where an item is not found at its place, the list stays whole from there on.
    if (!raw.startsWith(item.raw.trimEnd(), end)) break;
    if (index > 0 && index % MAX_ITEMS === 0) {
      parts.push(raw.slice(from, end));
      from = end;
    }
    end += item.raw.length;
  }
  return [...parts, raw.slice(from)];
}

function paragraphParts({ type, raw }: Token): string[] {
  if (type !== 'paragraph') return [raw];
  const parts: string[] = [];
  let part = '';
  let lines = 0;
  for (const line of raw.split(/(?<=\n)/)) {
    if (lines >= MAX_LINES && PLAIN_START.test(line)) {
      parts.push(part);
      part = '';
      lines = 0;
    }
    part += line;
    lines += 1;
  }
  return [...parts, part];
}
