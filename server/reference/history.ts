// The history: pages, one exchange, its end, its replay, and all of it as a file.
import { z } from 'zod';
import { exchangePathSchema, historyPageSchema, historyQuerySchema } from '../dialects/history.js';
import { exportQuerySchema } from '../dialects/history-export.js';
import { historyItemSchema } from '../dialects/history-item.js';
import { replayAnswerSchema, replayQuerySchema } from '../dialects/replay.js';
import { BODY_ERRORS, GENERATION_ERRORS, type Operation } from './operation.js';

const TAG = 'History';

export const historyOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/history',
    tag: TAG,
    summary: 'Kept exchanges, newest first',
    description:
      'Every exchange of every format. Follow `next_cursor` to read on: pages then neither repeat nor miss one, whatever comes in meanwhile.',
    query: historyQuerySchema,
    answers: { 200: { description: 'A page.', content: { 'application/json': historyPageSchema } } },
    errors: ['invalid_request', 'storage_unavailable', 'internal'],
    errorShape: 'simple',
  },
  {
    method: 'get',
    path: '/history/export',
    tag: TAG,
    summary: 'All kept exchanges as a file',
    description:
      'Oldest first; those that match the filters and are there when it begins. A failure breaks the connection, so that half a file cannot pass for a whole one.',
    query: exportQuerySchema,
    answers: {
      200: {
        description:
          "The log's lines; or a table with a header, whose cells are no formulas to a spreadsheet.",
        content: { 'application/x-ndjson': historyItemSchema, 'text/csv': z.string() },
      },
    },
    errors: ['invalid_request', 'storage_unavailable', 'internal'],
    errorShape: 'simple',
  },
  {
    method: 'get',
    path: '/history/{id}',
    tag: TAG,
    summary: 'One exchange',
    pathParams: exchangePathSchema,
    answers: {
      200: { description: 'Its line of the log.', content: { 'application/json': historyItemSchema } },
    },
    errors: ['exchange_not_found', 'invalid_request', 'storage_unavailable', 'internal'],
    errorShape: 'simple',
  },
  {
    method: 'delete',
    path: '/history/{id}',
    tag: TAG,
    summary: 'Erase an exchange from log and database',
    pathParams: exchangePathSchema,
    answers: { 204: { description: 'It is in neither any more.' } },
    errors: [
      'exchange_not_found',
      'exchange_elsewhere',
      'invalid_request',
      'storage_unavailable',
      'internal',
    ],
    errorShape: 'simple',
  },
  {
    method: 'post',
    path: '/history/{id}/replay',
    tag: TAG,
    summary: 'Ask the same again and compare',
    description:
      'The same input, parameters and seed, as an exchange of its own. Needs no body. Another model than the one that answered is refused unless `force` is set.',
    pathParams: exchangePathSchema,
    query: replayQuerySchema,
    answers: {
      200: { description: 'How both answers compare.', content: { 'application/json': replayAnswerSchema } },
    },
    errors: [
      'exchange_not_found',
      'model_changed',
      ...BODY_ERRORS,
      'storage_unavailable',
      ...GENERATION_ERRORS,
    ],
    errorShape: 'simple',
  },
];
