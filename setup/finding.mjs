// One thing that was looked at, and what came of it. A text never holds a secret.

/** @typedef {'ok' | 'warning' | 'fault'} Verdict */
/**
 * @typedef {object} Finding
 * @property {string} name what was looked at
 * @property {Verdict} verdict `fault`: the gateway cannot run as it is asked to; `warning`: it runs, but less well
 * @property {string} text
 * @property {string | null} remedy exactly what to do; null where all is well
 */

/**
 * @param {string} name
 * @param {string} text
 * @returns {Finding}
 */
export function ok(name, text) {
  return { name, verdict: 'ok', text, remedy: null };
}

/**
 * @param {string} name
 * @param {string} text
 * @param {string} remedy
 * @returns {Finding}
 */
export function warning(name, text, remedy) {
  return { name, verdict: 'warning', text, remedy };
}

/**
 * @param {string} name
 * @param {string} text
 * @param {string} remedy
 * @returns {Finding}
 */
export function fault(name, text, remedy) {
  return { name, verdict: 'fault', text, remedy };
}
