// The search through the history, system E's and more.
import { searchExchangesAnswerSchema, searchExchangesQuerySchema } from '../dialects/search.js';
import { type Operation, WORK_ERRORS } from './operation.js';

export const searchOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/search',
    tag: 'History',
    summary: 'Find exchanges again',
    description:
      'By their words: ranked, other forms of a word included, each exchange in its own language. By their meaning: exchanges are embedded while the machine is idle, and `embedded` tells how many are.',
    query: searchExchangesQuerySchema,
    answers: {
      200: { description: 'May be empty.', content: { 'application/json': searchExchangesAnswerSchema } },
    },
    errors: ['invalid_request', ...WORK_ERRORS, 'storage_unavailable', 'internal'],
    errorShape: 'simple',
  },
];
