// A place in a document, and the document cut so that it can be drawn: in blocks, with the place marked. Offsets are
// UTF-16 code units, as JavaScript counts. Pure.

export interface Place {
  readonly start: number;
  readonly end: number;
}

export interface Piece {
  readonly text: string;
  readonly isMarked: boolean;
}

/** Null for what is no place, in an address that somebody may have typed. */
export function parsePlace(text: string | undefined): Place | null {
  const match = text?.match(/^(\d{1,9})-(\d{1,9})$/);
  if (!match) return null;
  const [start, end] = [Number(match[1]), Number(match[2])];
  return start < end ? { start, end } : null;
}

/** So much is drawn as one; a browser skips those that are out of sight. */
const BLOCK_CHARACTERS = 4_000;
/** Where no line ends for long, one is cut between two words, and where there are none, anywhere. */
const LONGEST_BLOCK_CHARACTERS = 8_000;

/** Where each block begins, the text's end last. */
function bordersOf(text: string): number[] {
  const borders = [0];
  for (let at = 0; at < text.length; ) {
    at = endOfBlock(text, at);
    borders.push(at);
  }
  return borders;
}

function endOfBlock(text: string, from: number): number {
  const [least, most] = [from + BLOCK_CHARACTERS, from + LONGEST_BLOCK_CHARACTERS];
  if (text.length <= most) return text.length;
  const line = text.indexOf('\n', least);
  if (line !== -1 && line < most) return line + 1;
  const space = text.lastIndexOf(' ', most - 1);
  if (space > from) return space + 1;
  const unit = text.charCodeAt(most);
  const splitsPair = unit >= 0xdc00 && unit <= 0xdfff;
  return splitsPair ? most - 1 : most;
}

/** The text in blocks of pieces; together they are the whole of it. */
export function toBlocks(text: string, place: Place | null): readonly (readonly Piece[])[] {
  const borders = bordersOf(text);
  return borders
    .slice(0, -1)
    .map((start, index) => toPieces(text, start, borders[index + 1] as number, place));
}

function toPieces(text: string, start: number, end: number, place: Place | null): Piece[] {
  const clamp = (offset: number): number => Math.min(Math.max(offset, start), end);
  const [from, to] = place === null ? [end, end] : [clamp(place.start), clamp(place.end)];
  const pieces = [
    { text: text.slice(start, from), isMarked: false },
    { text: text.slice(from, to), isMarked: true },
    { text: text.slice(to, end), isMarked: false },
  ];
  return pieces.filter(piece => piece.text !== '');
}
