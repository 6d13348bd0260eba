// Which charts there are: their figures, and how those are written.
import { spellBytes, spellMs, spellNumber } from '../ui/figures.js';
import type { FigureName } from './history.js';

export interface ChartFacts {
  readonly title: string;
  /** What it is, and over which time. */
  readonly about: string;
  readonly figures: readonly { readonly name: FigureName; readonly label: string }[];
  readonly spell: (value: number) => string;
  /** There are no halves of it. */
  readonly isWhole?: true;
}

const spellSeconds = (seconds: number): string => spellMs(seconds * 1_000);
/** Delays are mostly under one millisecond. */
const spellDelay = (seconds: number): string =>
  seconds < 0.01 ? `${spellNumber(seconds * 1_000)} ms` : spellSeconds(seconds);

export const CHARTS: readonly ChartFacts[] = [
  {
    title: 'Tokens per second',
    about: 'All answers together, over the last 10 s.',
    figures: [{ name: 'tokensPerSecond', label: 'Tokens per second' }],
    spell: spellNumber,
  },
  {
    title: 'Time to first token',
    about:
      'From the request, waiting included, of answers that began in the last minute; roughly, as it is counted in classes.',
    figures: [
      { name: 'firstTokenP50', label: 'Median' },
      { name: 'firstTokenP95', label: '95 of 100 under' },
    ],
    spell: spellSeconds,
  },
  {
    title: 'Time between tokens',
    about: 'Of one answer, over the last minute; roughly, as well.',
    figures: [
      { name: 'gapP50', label: 'Median' },
      { name: 'gapP95', label: '95 of 100 under' },
    ],
    spell: spellSeconds,
  },
  {
    title: 'The line',
    about: 'Prompts that run and that wait.',
    figures: [
      { name: 'running', label: 'Running' },
      { name: 'waiting', label: 'Waiting' },
    ],
    spell: spellNumber,
    isWhole: true,
  },
  {
    title: 'Memory of the worker',
    about: 'The model and its caches.',
    figures: [{ name: 'workerBytes', label: 'In memory' }],
    spell: spellBytes,
  },
  {
    title: 'Starts of the worker',
    about: 'Since the gateway started.',
    figures: [
      { name: 'restarts', label: 'After it was lost' },
      { name: 'recycles', label: 'For its memory' },
    ],
    spell: spellNumber,
    isWhole: true,
  },
  {
    title: 'Memory of the gateway',
    about: 'Without the worker.',
    figures: [
      { name: 'gatewayBytes', label: 'In memory' },
      { name: 'heapBytes', label: 'Objects in that' },
    ],
    spell: spellBytes,
  },
  {
    title: 'Delay of the gateway',
    about: 'How late its event loop was since the look before, whoever looked.',
    figures: [
      { name: 'delayP50', label: 'Median' },
      { name: 'delayP99', label: '99 of 100 under' },
      { name: 'delayWorst', label: 'Worst' },
    ],
    spell: spellDelay,
  },
];
