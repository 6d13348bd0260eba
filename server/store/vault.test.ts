// The log and its database through a life of it, on every kind of database.
import { v7 as uuidv7 } from 'uuid';
import { expect, it } from 'vitest';
import type { Exchange } from '../domain/exchange.js';
import { openTestVault } from '../testing/open-test-vault.js';
import { sampleExchange } from '../testing/sample-exchange.js';
import { eachStore } from '../testing/temp-store.js';
import { compareWithLog } from './comparison.js';

const TEXTS = [
  '',
  ' nul \0 ',
  'half \ud83d',
  '\\u0000 "quoted" \\',
  'line\u2028end',
  '🖋 ü 漢字',
  "'; drop table exchanges; --",
];
const equal = { damaged: 0, missing: [], extra: [], different: [] };

eachStore('the vault', kind => {
  it('has of each exchange of the log one row that says the same, until it is erased', async () => {
    const { log, file, follower, eraser, database, start, close } = await openTestVault({
      kind,
      log: { maxBytes: 100_000 },
    });
    const exchanges = Array.from({ length: 420 }, (_, i): Exchange => {
      const text = TEXTS[i % TEXTS.length] ?? '';
      return sampleExchange({
        id: uuidv7(),
        prompt: text,
        response: `${i} ${text}`,
        caller: i % 2 ? text : null,
      });
    });
    await Promise.all(exchanges.slice(0, 400).map(exchange => log.append(exchange)));
    expect(await follower.caughtUp(20_000)).toBe(true);
    expect(await compareWithLog(file, database)).toEqual({ ...equal, exchanges: 400 });
    await eraser.erase(exchanges.slice(100, 250).map(({ id }) => id));
    await close();
    for (const exchange of exchanges.slice(400)) await log.append(exchange);
    expect(await compareWithLog(file, database)).toMatchObject({ exchanges: 270, extra: [] });
    const next = start();
    expect(await next.follower.caughtUp(20_000)).toBe(true);
    expect(next.follower.status().indexed).toBe(20);
    expect(await compareWithLog(file, database)).toEqual({ ...equal, exchanges: 270 });
  });

  it('takes what it can beside an exchange with more different words than an index holds', async () => {
    const { log, follower, database } = await openTestVault({ kind });
    const words = Array.from({ length: 300_000 }, (_, i) => `w${i.toString(36)}`).join(' ');
    const exchanges = ['before', words, 'after'].map(response => sampleExchange({ id: uuidv7(), response }));
    for (const exchange of exchanges) await log.append(exchange);
    expect(await follower.caughtUp(20_000)).toBe(true);
    const rows = await database.run(db =>
      db.selectFrom('exchanges').select('response').orderBy('id').execute(),
    );
    expect(rows.map(({ response }) => response.length)).toEqual([6, words.length, 5]);
    expect(follower.status()).toMatchObject({ damaged: 0, fault: null });
  });
});
