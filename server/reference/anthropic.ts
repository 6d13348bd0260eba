// Anthropic's format: messages, and how many tokens they have.
import { z } from 'zod';
import { messageAnswerSchema, messageChunkSchema } from '../dialects/anthropic-messages.js';
import { countTokensBodySchema, messagesBodySchema } from '../dialects/anthropic-messages-body.js';
import {
  BODY_ERRORS,
  GENERATION_ERRORS,
  GROUNDING_ERRORS,
  type Operation,
  WORK_ERRORS,
} from './operation.js';

const PARAMETER_ERRORS = ['unsupported_parameter', 'model_not_found'] as const;

export const anthropicOperations: readonly Operation[] = [
  {
    method: 'post',
    path: '/v1/messages',
    tag: 'Anthropic',
    summary: 'Answer a conversation',
    description: 'With `stream` server-sent events, each named by the `type` of its data.',
    body: messagesBodySchema,
    answers: {
      200: {
        description: 'The message, or its stream.',
        content: { 'application/json': messageAnswerSchema, 'text/event-stream': messageChunkSchema },
      },
    },
    errors: [...BODY_ERRORS, ...PARAMETER_ERRORS, ...GENERATION_ERRORS, ...GROUNDING_ERRORS],
    errorShape: 'anthropic',
  },
  {
    method: 'post',
    path: '/v1/messages/count_tokens',
    tag: 'Anthropic',
    summary: 'Count the tokens of a conversation',
    body: countTokensBodySchema,
    answers: {
      200: {
        description: 'As the model would read them.',
        content: { 'application/json': z.object({ input_tokens: z.int().min(0) }) },
      },
    },
    errors: [
      ...BODY_ERRORS,
      ...PARAMETER_ERRORS,
      ...WORK_ERRORS,
      'upstream_error',
      'upstream_unavailable',
      'model_loading',
    ],
    errorShape: 'anthropic',
  },
];
