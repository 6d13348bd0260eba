// Signals while set-up or the tests run: children end first, then this process, as a shell expects.
import { stopChildren } from './child.mjs';

/** @type {Readonly<Record<'SIGHUP' | 'SIGINT' | 'SIGTERM', number>>} */
const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/**
 * From now on a signal stops the children and exits with 128 + its number.
 * @param {() => void} beforeExit runs when no child is left
 * @returns {() => void} gives the signals back
 */
export function guardSignals(beforeExit) {
  let caught = false;
  /** @param {NodeJS.Signals} signal */
  const onSignal = async signal => {
    // npm passes on what the terminal has sent to everybody already.
    if (caught) return;
    caught = true;
    await stopChildren();
    beforeExit();
    process.exit(EXIT_CODES[/** @type {keyof typeof EXIT_CODES} */ (signal)]);
  };
  const signals = /** @type {NodeJS.Signals[]} */ (Object.keys(EXIT_CODES));
  for (const signal of signals) process.on(signal, onSignal);
  return () => {
    for (const signal of signals) process.off(signal, onSignal);
  };
}
