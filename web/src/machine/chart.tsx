// Lines over time, drawn with uPlot in the colours of the theme. Knows no figure; what it shows is told beside it in words.
import { useEffect, useRef } from 'preact/hooks';
import './language.js';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

export interface Line {
  readonly label: string;
  /** Name of a colour of style/tokens.css. */
  readonly color: string;
  readonly dash?: readonly number[];
}

export interface ChartProps {
  readonly lines: readonly Line[];
  /** Times in seconds, then the values of each line. */
  readonly columns: uPlot.AlignedData;
  /** What stands at the axis. */
  readonly spell: (value: number) => string;
  readonly isWhole: boolean;
  /** Where the pointer is, as a number of a column's row; null when it is away. */
  readonly onPoint: (row: number | null) => void;
  readonly label: string;
}

const HEIGHT = 170;
const SHORTEST_S = 60;
const WHOLE_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];
const clock = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
});

export const spellClock = (seconds: number): string => clock.format(seconds * 1_000);

export function Chart(props: ChartProps) {
  const { columns, label } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  useEffect(() => {
    const parent = place.current;
    if (parent === null) return;
    const made = new uPlot(toOptions(parent.clientWidth, props), columns, parent);
    plot.current = made;
    const stopResizing = onResize(parent, width => made.setSize({ width, height: HEIGHT }));
    const stopTheme = onTheme(() => made.redraw());
    return () => {
      stopResizing();
      stopTheme();
      made.destroy();
      plot.current = null;
    };
    // Lines, words and listener of a chart stay what they are.
  }, []);
  useEffect(() => plot.current?.setData(columns), [columns]);
  return <div ref={place} class="plot" role="img" aria-label={label} />;
}

function toOptions(width: number, { lines, spell, isWhole, onPoint }: ChartProps): uPlot.Options {
  const axis = {
    stroke: () => token('--quiet'),
    grid: { stroke: () => token('--line'), width: 1 },
    ticks: { stroke: () => token('--line'), width: 1 },
    font: '12px system-ui, sans-serif',
  };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? null)] },
    scales: {
      x: { time: true, range: (_plot, min, max) => [Math.min(min, max - SHORTEST_S), max] },
      y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.1 : 1] },
    },
    axes: [
      { ...axis, space: 80, values: (_plot, times) => times.map(spellClock) },
      {
        ...axis,
        size: 68,
        values: (_plot, values) => values.map(spell),
        ...(isWhole ? { incrs: WHOLE_STEPS } : {}),
      },
    ],
    series: [
      {},
      ...lines.map(({ label, color, dash }) => ({
        label,
        stroke: () => token(color),
        width: 2,
        points: { show: false },
        ...(dash === undefined ? {} : { dash: [...dash] }),
      })),
    ],
  };
}

function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function onResize(element: HTMLElement, listener: (width: number) => void): () => void {
  const observer = new ResizeObserver(() => {
    if (element.clientWidth > 0) listener(element.clientWidth);
  });
  observer.observe(element);
  return () => observer.disconnect();
}

/** The system's choice of light or dark changes, or the page's. */
function onTheme(listener: () => void): () => void {
  const system = matchMedia('(prefers-color-scheme: dark)');
  const observer = new MutationObserver(listener);
  system.addEventListener('change', listener);
  observer.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  return () => {
    system.removeEventListener('change', listener);
    observer.disconnect();
  };
}
