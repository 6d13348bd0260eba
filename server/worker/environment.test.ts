import { expect, it } from 'vitest';
import { readConfig } from '../config.js';
import { silentLogger } from '../log.js';
import { workerOptionsFrom } from './create-worker.js';
import { workerEnvironment } from './environment.js';

it('lets through what tunes Python and torch', () => {
  const tuning = {
    PATH: '/bin',
    HOME: '/home/me',
    LC_ALL: 'C.UTF-8',
    TMPDIR: '/tmp',
    PYTHONUNBUFFERED: '1',
    OMP_NUM_THREADS: '2',
    GOMP_SPINCOUNT: '1000',
    MKL_NUM_THREADS: '1',
    HF_HUB_OFFLINE: '1',
    CUDA_VISIBLE_DEVICES: '0',
    https_proxy: 'http://proxy:3128',
  };
  expect(workerEnvironment(tuning)).toEqual(tuning);
});

it('keeps back everything else', () => {
  const secrets = {
    DATABASE_URL: 'postgres://me:secret@db',
    API_KEY: 'secret',
    OPENAI_API_KEY: 'secret',
    AWS_SECRET_ACCESS_KEY: 'secret',
    NPM_TOKEN: 'secret',
    NODE_OPTIONS: '--inspect',
    LD_PRELOAD: '/tmp/evil.so',
    MY_PATH: '/secret',
    PATH_TO_KEYS: '/secret',
    PORT: '3000',
  };
  expect(workerEnvironment({ ...secrets, UNSET: undefined })).toEqual({});
});

it('gives the worker its plan and a marker that names the gateway', () => {
  const { command } = workerOptionsFrom(readConfig({ MINIVAULT_FAKE_PLAN: '{}' }), silentLogger(), {
    API_KEY: 'secret',
    HOME: '/home/me',
  });
  expect(command.env).toEqual({
    HOME: '/home/me',
    MINIVAULT_FAKE_PLAN: '{}',
    MINIVAULT_QUANTIZATION: 'auto',
    MINIVAULT_WORKER_MARKER: expect.stringMatching(new RegExp(`^${process.pid}-\\d+$`)),
  });
});

it('gives the worker the engine and what it may use, as the settings have it and not as the environment does', () => {
  const settings = {
    MINIVAULT_ENGINE: 'batched',
    MINIVAULT_SLOTS: '8',
    MINIVAULT_QUANTIZATION: 'none',
    MINIVAULT_THREADS: '2',
  };
  const { command } = workerOptionsFrom(readConfig(settings), silentLogger(), { MINIVAULT_SLOTS: 'many' });
  expect(command.args.join(' ')).toContain('--engine batched');
  expect(command.env).toMatchObject({
    MINIVAULT_SLOTS: '8',
    MINIVAULT_QUANTIZATION: 'none',
    MINIVAULT_THREADS: '2',
  });
});
