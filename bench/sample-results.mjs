// Made-up results for tests: round figures, one peer that failed and one that was too slow to answer many.

/** @typedef {import('./results.mjs').Results} Results */
/** @typedef {import('./turn.mjs').Turn} Turn */

/**
 * @param {number} rate tokens/s of one client @param {number} growth of the rate at 16
 * @param {Partial<Turn>} [more]
 * @returns {Turn}
 */
function turn(rate, growth, more = {}) {
  const load = { firstMs: [50, 60], gapP99Ms: 10, short: 0, isCut: false };
  return {
    fault: null,
    readyMs: 4_000,
    firstAnswerMs: 4_500,
    firstMs: [40, 50, 90],
    loads: [
      { ...load, clients: 1, tokensPerSecond: rate },
      { ...load, clients: 16, tokensPerSecond: rate * growth, firstMs: [300, 500] },
    ],
    busyLoads: [{ ...load, clients: 1, tokensPerSecond: rate * 0.6 }],
    peakBytes: 2 ** 30,
    ...more,
  };
}

/** @returns {Results} */
export function sampleResults() {
  return {
    date: '2026-01-02',
    machine: { cpu: 'Test <CPU>', cores: 2, flags: ['avx2'], memoryGb: 24, system: 'Linux 6', node: 'v20' },
    versions: { torch: '2.13.0' },
    noise: { atStart: { busyShare: 0.01, loadAverage: 0.1 }, mostBusyShare: 0.02 },
    effort: { clients: [1, 16], busyClients: [1], tokens: 128, limitMs: 6_000, firstTokens: 3, rounds: 2 },
    minutes: 20,
    systems: [
      {
        id: 'minivault',
        name: 'minivault',
        unavailable: null,
        turns: [
          turn(100, 4, { chat: { secondTurnRatio: 0.1, longPromptGapRatio: 5 } }),
          turn(200, 4, { chat: { secondTurnRatio: 0.2, longPromptGapRatio: 7 } }),
        ],
      },
      { id: 'llama', name: 'node-llama-cpp', unavailable: null, turns: [turn(50, 2), turn(100, 2)] },
      {
        id: 'serve',
        name: 'transformers serve',
        unavailable: null,
        turns: [
          turn(20, 1, {
            loads: [
              {
                clients: 16,
                tokensPerSecond: 20,
                firstMs: [900, Number.POSITIVE_INFINITY],
                gapP99Ms: 9,
                short: 1,
                isCut: true,
              },
            ],
          }),
          null,
        ],
      },
      { id: 'compiled', name: 'compiled', unavailable: 'its start took over 150 s', turns: [null, null] },
    ],
  };
}
