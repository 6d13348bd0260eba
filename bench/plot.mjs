// Tokens a second by clients at once, as an SVG that is legible on light and on dark pages.
import { toFigures } from './results.mjs';

/** @typedef {import('./results.mjs').Results} Results */
/** @typedef {import('./results.mjs').Figures} Figures */
/** @typedef {{ title: string, left: number, clients: readonly number[], busy: boolean }} Panel */

const WIDTH = 880;
const HEIGHT = 480;
const TOP = 58;
const BOTTOM = 330;
const PANEL_WIDTH = 360;
const LEGEND_TOP = 388;
const LEGEND_COLUMNS = 2;
/** Told apart with any colour vision, on white and on near-black. */
const COLORS = [
  '#d1495b',
  '#2e86ab',
  '#6a994e',
  '#c77d0a',
  '#8367c7',
  '#5f7f8c',
  '#a0785a',
  '#2a9d8f',
  '#b5838d',
];

/**
 * @param {Results} results
 * @returns {string} SVG
 */
export function toPlot(results) {
  const { effort } = results;
  const systems = [...toFigures(results).values()].filter(own =>
    effort.clients.some(count => own.rate(count) !== null),
  );
  const rates = systems.flatMap(own => [
    ...effort.clients.map(count => own.rate(count) ?? 0),
    ...effort.busyClients.map(count => own.rate(count, { busy: true }) ?? 0),
  ]);
  const most = niceCeiling(Math.max(1, ...rates));
  const panels = [
    { title: 'alone', left: 60, clients: effort.clients, busy: false },
    {
      title: 'beside a process that keeps one core busy',
      left: 490,
      clients: effort.busyClients,
      busy: true,
    },
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Tokens per second by clients at once">`,
    '<style>',
    'text{font:13px system-ui,sans-serif;fill:#24292f}.page{fill:#ffffff}.grid{stroke:#d0d7de}.title{font-weight:600}.axis{fill:#57606a}',
    '@media(prefers-color-scheme:dark){text{fill:#e6edf3}.page{fill:#0d1117}.grid{stroke:#30363d}.axis{fill:#9da7b1}}',
    '</style>',
    `<rect class="page" width="${WIDTH}" height="${HEIGHT}" rx="8"/>`,
    `<text class="title" x="20" y="26">Tokens per second, all clients together (${escapeText(results.machine.cpu)}, ${results.machine.cores} cores, ${results.date})</text>`,
    ...panels.flatMap(panel => drawPanel(panel, systems, most)),
    ...drawLegend(systems),
    '</svg>',
    '',
  ].join('\n');
}

/** @param {Panel} panel @param {readonly Figures[]} systems @param {number} most */
function drawPanel({ title, left, clients, busy }, systems, most) {
  const right = left + PANEL_WIDTH;
  /** @param {number} count */
  const xOf = count => {
    const [first, last] = [clients[0] ?? 1, clients.at(-1) ?? 1];
    const share = last === first ? 0.5 : Math.log2(count / first) / Math.log2(last / first);
    return left + 16 + share * (PANEL_WIDTH - 32);
  };
  /** @param {number} rate */
  const yOf = rate => BOTTOM - (rate / most) * (BOTTOM - TOP);
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(share => share * most);
  return [
    `<text class="axis" x="${left}" y="${TOP - 12}">${escapeText(title)}</text>`,
    ...ticks.flatMap(tick => [
      `<line class="grid" x1="${left}" x2="${right}" y1="${yOf(tick)}" y2="${yOf(tick)}"/>`,
      `<text class="axis" x="${left - 8}" y="${yOf(tick) + 4}" text-anchor="end">${tick}</text>`,
    ]),
    ...clients.map(
      count => `<text class="axis" x="${xOf(count)}" y="${BOTTOM + 20}" text-anchor="middle">${count}</text>`,
    ),
    `<text class="axis" x="${(left + right) / 2}" y="${BOTTOM + 38}" text-anchor="middle">clients at once</text>`,
    ...systems
      .map((own, index) => {
        const points = clients.flatMap(count => {
          const rate = own.rate(count, { busy });
          return rate === null ? [] : [{ x: round(xOf(count)), y: round(yOf(rate)) }];
        });
        return drawLine(points, own, index);
      })
      // Ours comes first, and is drawn over the others.
      .reverse()
      .flat(),
  ];
}

/** @param {readonly { x: number, y: number }[]} points @param {Figures} own @param {number} index of the system; the first one is ours */
function drawLine(points, own, index) {
  const color = COLORS[index % COLORS.length];
  const dashes = dashesOf(own);
  const path = points.map(({ x, y }) => `${x},${y}`).join(' ');
  return [
    `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="${index === 0 ? 3.5 : 1.8}"${dashes}/>`,
    ...points.map(({ x, y }) => `<circle cx="${x}" cy="${y}" r="${index === 0 ? 4.5 : 3}" fill="${color}"/>`),
  ];
}

/** @param {readonly Figures[]} systems */
function drawLegend(systems) {
  const step = (WIDTH - 40) / LEGEND_COLUMNS;
  return systems.flatMap((own, index) => {
    const x = 20 + (index % LEGEND_COLUMNS) * step;
    const y = LEGEND_TOP + Math.floor(index / LEGEND_COLUMNS) * 18;
    const color = COLORS[index % COLORS.length];
    const dashes = dashesOf(own);
    return [
      `<line x1="${x}" x2="${x + 22}" y1="${y - 4}" y2="${y - 4}" stroke="${color}" stroke-width="3"${dashes}/>`,
      `<text x="${x + 28}" y="${y}" style="font-size:11.5px">${escapeText(own.name)}</text>`,
    ];
  });
}

/** @param {Figures} own what does not speak HTTP is dashed */
function dashesOf({ name }) {
  return name.includes('in-process') ? ' stroke-dasharray="5 4"' : '';
}

/** The next 4, 8, 20, 40, 80 … whose quarters are whole numbers. @param {number} value */
function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(value / 4));
  const quarter = [1, 2, 2.5, 5, 10].find(step => step * power * 4 >= value) ?? 10;
  return Math.max(4, quarter * power * 4);
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 10) / 10;
}

/** @param {string} text */
function escapeText(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
