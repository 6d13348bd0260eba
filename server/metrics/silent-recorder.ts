// A recorder that counts nothing, for programs and tests that nobody watches.
import type { ExchangeRecorder, Recorder } from '../domain/recorder.js';

const nothing = (): void => {};
const EXCHANGE: ExchangeRecorder = { granted: nothing, firstToken: nothing, ended: nothing };

export const SILENT_RECORDER: Recorder = {
  exchange: () => EXCHANGE,
  gap: nothing,
  embedded: nothing,
  error: nothing,
  request: nothing,
  redisFallback: nothing,
};
