// GET /metrics as a reader has it, and beside the log: both tell of the same exchanges.

/** @typedef {{ name: string, labels: Record<string, string>, value: number }} Sample */

/** Prometheus' text format. @param {string} text @returns {Sample[]} */
export function parseMetrics(text) {
  return text.split('\n').flatMap(line => {
    const [, name, labels = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined) return [];
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', told = '']) => [
      key,
      told,
    ]);
    return [{ name, labels: Object.fromEntries(pairs), value: Number(value) }];
  });
}

/** @param {readonly Sample[]} samples @param {string} name @param {Record<string, string>} [labels] that they must have */
export function sumOf(samples, name, labels = {}) {
  return samples
    .filter(sample => sample.name === name)
    .filter(sample => Object.entries(labels).every(([key, value]) => sample.labels[key] === value))
    .reduce((sum, { value }) => sum + value, 0);
}

/**
 * I4 and I6 once more, by what the gateway has counted since its start.
 * @param {import('./gateway.mjs').Gateway} gateway @param {import('./log-files.mjs').ReadLog} log
 * @param {{ hasErased: boolean }} options
 */
export async function checkMetrics(gateway, { exchanges }, { hasErased }) {
  const { status, body } = await gateway.get('/metrics');
  if (status !== 200) return [`I4: the metrics cannot be read: ${status} ${body.slice(0, 200)}`];
  const samples = parseMetrics(body);
  const startMs = sumOf(samples, 'minivault_start_time_seconds') * 1000;
  const since = [...exchanges.values()].filter(({ timestamp }) => Date.parse(timestamp) >= startMs);
  /** @type {string[]} */
  const faults = [];
  for (const dialect of new Set(since.map(exchange => exchange.dialect))) {
    const own = since.filter(exchange => exchange.dialect === dialect);
    for (const status of ['completed', 'failed', 'cancelled']) {
      const logged = own.filter(exchange => exchange.status === status).length;
      const counted = sumOf(samples, 'minivault_exchanges_total', { dialect, status });
      // Those that ended before their first word are counted and have no line.
      const isRight = status === 'completed' && !hasErased ? counted === logged : counted >= logged;
      if (!isRight) faults.push(`I4: ${dialect}: ${counted} ${status} counted, ${logged} in the log`);
    }
    const logged = own.reduce((sum, { usage }) => sum + (usage?.completion_tokens ?? 0), 0);
    const counted = sumOf(samples, 'minivault_completion_tokens_total', { dialect });
    if (hasErased ? counted < logged : counted !== logged)
      faults.push(`I4: ${dialect}: ${counted} tokens counted, ${logged} in the log`);
  }
  // An idle gateway makes vectors of its exchanges: that line has its own.
  const prompts = { line: 'generation' };
  const idle = /** @type {const} */ ([
    ['minivault_running_requests', prompts],
    ['minivault_waiting_requests', prompts],
    ['minivault_log_dropped_exchanges_total', {}],
  ]);
  for (const [name, labels] of idle) {
    const value = sumOf(samples, name, labels);
    if (value !== 0) faults.push(`I6: ${name} is ${value}`);
  }
  return faults;
}
