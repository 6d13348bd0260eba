// What a person sees of set-up, on stderr: one live line per step on a terminal, plain lines elsewhere.
import { stripVTControlCharacters } from 'node:util';

const TICK_MS = 100;
const PLAIN_INTERVAL_MS = 15_000;
const PLAIN_CHARS = 100;
const FRAMES = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';

/** @typedef {{stage(text: string): void, done(detail: string): number, fail(): void}} StepProgress */
/** @typedef {Pick<NodeJS.WriteStream, 'write'> & {isTTY?: boolean, columns?: number}} Screen */

/**
 * Names a step and shows that it lives until `done` (which returns the seconds it took) or `fail` is called.
 * @param {string} title
 * @param {Screen} [screen]
 * @returns {StepProgress}
 */
export function showStep(title, screen = process.stderr) {
  const startMs = performance.now();
  let stage = '';
  let frame = 0;
  const seconds = () => (performance.now() - startMs) / 1000;
  const live = () => {
    frame = (frame + 1) % FRAMES.length;
    const text = `${FRAMES[frame]} ${title}  ${Math.floor(seconds())} s  ${stage}`;
    screen.write(`\r\x1b[K${text.slice(0, (screen.columns ?? 80) - 1)}`);
  };
  const plain = () => {
    screen.write(
      `set-up: ${title}: ${Math.floor(seconds())} s${stage === '' ? '' : `: ${stage.slice(0, PLAIN_CHARS)}`}\n`,
    );
  };
  const clear = () => {
    clearInterval(timer);
    if (screen.isTTY) screen.write('\r\x1b[K');
  };
  if (!screen.isTTY) screen.write(`set-up: ${title} …\n`);
  const timer = setInterval(screen.isTTY ? live : plain, screen.isTTY ? TICK_MS : PLAIN_INTERVAL_MS);
  timer.unref();
  return {
    stage(text) {
      stage = stripVTControlCharacters(text).replace(/\s+/g, ' ').trim();
    },
    done(detail) {
      clear();
      screen.write(
        `set-up: ${title}: done in ${seconds().toFixed(1)} s${detail === '' ? '' : ` (${detail})`}\n`,
      );
      return seconds();
    },
    fail: clear,
  };
}

/**
 * A line between the steps.
 * @param {string} text
 */
export function say(text) {
  process.stderr.write(`set-up: ${text}\n`);
}
