// A program that appends lines to the log given as its first argument until it is killed, eight at a time and of
// very different sizes, and prints the id of each as soon as it is acknowledged. It loads as little as it can.
import { writeSync } from 'node:fs';
import { LineWriter } from '../store/line-writer.js';
import { recordingLogger } from './recording-logger.js';

const [path = '', name = '', template = '{}'] = process.argv.slice(2);
const { logger } = recordingLogger();
const writer = new LineWriter({ path, maxBytes: 1_000_000, fsync: 'everysec', logger });
await writer.open();
let count = 0;

async function writeForEver(): Promise<never> {
  for (;;) {
    const number = count++;
    const id = `${name}-${number}`;
    const response = 'ü'.repeat(number % 20 === 0 ? 50_000 : number % 97);
    await writer.append(Buffer.from(`${JSON.stringify({ ...JSON.parse(template), id, response })}\n`));
    writeSync(1, `${id}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, writeForEver));
