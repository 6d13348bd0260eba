// A process that wants a lock: says `held PID` or `taken`, and keeps what it took until it is killed or told to end.
import { HeldError, lockFolder } from '../locks/folder-lock.js';

try {
  const lock = lockFolder(process.argv[2] ?? '');
  process.stdout.write('taken\n');
  process.stdin.on('end', () => lock.release()).resume();
} catch (error) {
  if (!(error instanceof HeldError)) throw error;
  process.stdout.write(`held ${error.pid}\n`);
}
