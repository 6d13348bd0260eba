// JSON that no reader takes for more than one line.

/** Line ends to Python's str.splitlines, which httpx's iter_lines uses; JSON leaves them bare. */
const OTHER_LINE_ENDS = /[\u0085\u2028\u2029]/g;

export function oneLineJson(value: unknown): string {
  return JSON.stringify(value).replace(
    OTHER_LINE_ENDS,
    char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
