import { describe, expect, it } from 'vitest';
import { AppError } from '../errors.js';
import { errorBodyOf } from './error-dialect.js';

const fault = new AppError('invalid_request', '"top_p": too big', { param: 'top_p' });
const crash = new AppError('worker_crashed', 'The worker died.');

describe('an error', () => {
  it.each([
    ['/generate', { error: '"top_p": too big', code: 'invalid_request', param: 'top_p', request_id: 'r1' }],
    [
      '/api/v1/chat',
      { error: '"top_p": too big', code: 'invalid_request', param: 'top_p', request_id: 'r1' },
    ],
    [
      '/v1/chat/completions',
      {
        error: {
          message: '"top_p": too big',
          type: 'invalid_request_error',
          param: 'top_p',
          code: 'invalid_request',
        },
      },
    ],
    ['/api/chat', { error: '"top_p": too big' }],
    [
      '/v1/messages/count_tokens',
      {
        type: 'error',
        error: { type: 'invalid_request_error', message: '"top_p": too big' },
        request_id: 'r1',
      },
    ],
  ])('on %s speaks its dialect', (path, body) => {
    expect(errorBodyOf({ path })(fault, 'r1')).toEqual(body);
  });

  it('of ours is told from one of the client', () => {
    expect(errorBodyOf({ path: '/v1/models' })(crash, 'r1')).toMatchObject({
      error: { type: 'server_error', param: null, code: 'worker_crashed' },
    });
    expect(errorBodyOf({ path: '/v1/messages' })(crash, 'r1')).toMatchObject({
      error: { type: 'api_error' },
    });
  });
});
