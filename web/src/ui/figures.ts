// Figures as a person reads them.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const time = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });

export function spellNumber(value: number): string {
  return (Math.abs(value) < 10 ? short : whole).format(value);
}

export function spellMs(ms: number): string {
  if (ms < 1_000) return `${whole.format(ms)} ms`;
  if (ms < 60_000) return `${short.format(ms / 1_000)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return spellTwo(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.round(seconds / 60);
  return spellTwo(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
}

const spellTwo = (much: number, unit: string, rest: number, lesser: string): string =>
  rest === 0 ? `${much} ${unit}` : `${much} ${unit} ${rest} ${lesser}`;

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** In powers of 1,000. */
export function spellBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 1_000 && unit < UNITS.length - 1; unit++) value /= 1_000;
  return `${spellNumber(value)} ${UNITS[unit]}`;
}

/** @param iso a time as the gateway tells it */
export function spellTime(iso: string): string {
  return time.format(new Date(iso));
}
