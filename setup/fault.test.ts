// What is made of the words of npm and pip. The samples are theirs, with addresses replaced.
import { describe, expect, it } from 'vitest';
import { childFault, Fault, recognise, StepFailure, toFault } from './fault.mjs';

const NETWORK = /registry cannot be reached/;

describe('recognise', () => {
  it.each<[string, RegExp]>([
    ['npm error code ECONNREFUSED\nnpm error syscall connect\nnpm error FetchError: request to …', NETWORK],
    ['npm error code EAI_AGAIN\nnpm error syscall getaddrinfo', NETWORK],
    [
      'after connection broken by \'NameResolutionError("<…HTTPSConnection>: Failed to resolve")\': /x/',
      NETWORK,
    ],
    ["ReadTimeoutError('HTTPSConnectionPool(host=…): Read timed out. (read timeout=15)')", NETWORK],
    ['npm error 503 Service Unavailable - GET …\nnpm error code E503', NETWORK],
    ['npm error code E401\nnpm error Unable to authenticate', /refused the request/],
    ['ERROR: HTTP error 403 while getting …', /refused the request/],
    ['npm error code SELF_SIGNED_CERT_IN_CHAIN', /certificate is not trusted/],
    [
      "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] …'))",
      /certificate is not trusted/,
    ],
    ['npm error code ENOSPC\nnpm error syscall write', /disk is full/],
    [
      "OSError: [Errno 28] No space left on device: '/x/.venv/lib'\nConnectionResetError ECONNRESET",
      /disk is full/,
    ],
    ['npm error code EACCES\nnpm error syscall mkdir', /cannot be written/],
    ["Error: [Errno 13] Permission denied: '/x/.venv'", /cannot be written/],
    ['npm error code E404\nnpm error 404 Not Found', /lacks a package/],
    ['/usr/bin/python3: No module named venv', /apt install python3-venv/],
    [
      'No matching distribution found for torch==2.13.0; python_version < "4"',
      /build of torch==2\.13\.0 for/,
    ],
  ])('finds the fault in %j', (output, remedy) => {
    expect(recognise(output)).toMatch(remedy);
  });

  it.each([
    'Successfully installed torch-2.13.0',
    'npm error code ELIFECYCLE',
    'wrote E4015 bytes of model-00401.safetensors',
  ])('makes nothing of %j', output => {
    expect(recognise(output)).toBeNull();
  });
});

describe('childFault', () => {
  it('takes a SIGKILL that nobody here sent for a lack of memory', () => {
    const fault = childFault('Model', { code: null, signal: 'SIGKILL', output: 'half a li' }, 'x.log');
    expect(fault.exitCode).toBe(78);
    expect(fault.message).toMatch(
      /^Model: was killed, most likely for lack of memory; .* \(all it said: x\.log\)$/,
    );
  });

  it.each([
    [
      'server/a.ts(3,1): error TS1005: …\nserver/b.ts(1,1): error TS2304: …\nFound 2',
      'server/a.ts(3,1): error TS1005',
    ],
    [
      'npm error code EBADENGINE\nnpm error engine Unsupported\nnpm error A complete log',
      'npm error engine Unsup',
    ],
    ['Traceback (most recent call last):\n  File …\nValueError: odd\n\n', 'ValueError: odd'],
  ])('quotes the words that matter of %j', (output, words) => {
    const fault = childFault('Step', { code: 2, signal: null, output }, 'x.log');
    expect(fault).toBeInstanceOf(StepFailure);
    expect(fault.exitCode).toBe(1);
    expect(fault.message).toContain(`Step: ended with exit code 2: ${words}`);
    expect(fault.message).not.toContain('\n');
  });
});

describe('toFault', () => {
  it('names the file of a refused operation and leaves other errors as they are', () => {
    const refused = Object.assign(new Error('EROFS: …'), { code: 'EROFS', path: '/x/.setup' });
    expect(toFault(refused)).toBeInstanceOf(Fault);
    expect(toFault(refused)).toMatchObject({
      message: expect.stringMatching(/^\/x\/\.setup: a file cannot be/),
    });
    const bug = new TypeError('x is not a function');
    expect(toFault(bug)).toBe(bug);
    expect(toFault('text')).toBe('text');
  });
});
