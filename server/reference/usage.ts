// What a caller has used.
import { usageSchema } from '../dialects/usage.js';
import type { Operation } from './operation.js';

export const usageOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/v1/usage',
    tag: 'Limits',
    summary: 'What you have used of what you may',
    description:
      'For the key that asks, or for its address where there are no keys. Requests and tokens are those of all gateways on one Redis; what runs is told by each for itself.',
    answers: {
      200: { description: 'Requests, tokens and what runs.', content: { 'application/json': usageSchema } },
    },
    errors: ['internal'],
    errorShape: 'openai',
  },
];
