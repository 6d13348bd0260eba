import { appendFile, mkdir, readdir, readFile, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import { describe, expect, it } from 'vitest';
import type { Exchange } from '../domain/exchange.js';
import { awayDatabase } from '../testing/away-database.js';
import { readLogContent } from '../testing/open-test-log.js';
import { openTestVault } from '../testing/open-test-vault.js';
import { sampleExchange } from '../testing/sample-exchange.js';
import { compareWithLog } from './comparison.js';
import { toLogLine } from './log-line.js';

const some = (count: number): Exchange[] =>
  Array.from({ length: count }, (_, i) => sampleExchange({ id: uuidv7(), response: `SECRET-${i}.` }));
const ids = (exchanges: readonly Exchange[]): string[] => exchanges.map(({ id }) => id).sort();
const equal = { damaged: 0, missing: [], extra: [], different: [] };

/** Everything in the folder of the log, whatever the files are called. */
async function bytesBeside(log: string): Promise<string> {
  const folder = path.dirname(log);
  const files = await readdir(folder);
  return (await Promise.all(files.map(file => readFile(path.join(folder, file), 'utf8')))).join('');
}

describe('erasing', () => {
  it('takes exchanges out of every file of the log and out of the database', async () => {
    const { log, file, follower, eraser, rows, database } = await openTestVault({ log: { maxBytes: 3_000 } });
    const exchanges = some(11);
    for (const exchange of exchanges) await log.append(exchange);
    const gone = exchanges.filter((_, i) => i === 0 || i === 4 || i === 10);
    const kept = exchanges.filter(exchange => !gone.includes(exchange));
    await eraser.erase(ids(gone));
    expect(await rows()).toEqual(ids(kept));
    expect((await readLogContent(file)).ids).toEqual(kept.map(({ id }) => id));
    const text = await bytesBeside(file);
    expect(kept.every(exchange => text.includes(toLogLine(exchange)))).toBe(true);
    expect(gone.some(({ id, response }) => text.includes(id) || text.includes(response))).toBe(false);
    const [later] = some(1) as [Exchange];
    await log.append(later);
    await follower.caughtUp();
    expect(follower.status().indexed).toBe(12);
    expect(await compareWithLog(file, database)).toEqual({ ...equal, exchanges: 9 });
  });

  it('deletes a rotated file that nothing is left of, and leaves the log itself', async () => {
    const { log, file, eraser, follower } = await openTestVault({ log: { maxBytes: 3_000 } });
    const exchanges = some(8);
    for (const exchange of exchanges) await log.append(exchange);
    await eraser.erase(ids(exchanges));
    await log.append(exchanges[0] as Exchange);
    expect(await readdir(path.dirname(file))).toEqual(['log.jsonl']);
    await follower.caughtUp();
    expect(follower.status()).toMatchObject({ indexed: 9, fault: null });
  });

  it('loses nothing that is appended meanwhile', async () => {
    const { log, file, eraser, rows, follower, database } = await openTestVault({
      log: { maxBytes: 60_000 },
    });
    const old = some(300);
    await Promise.all(old.map(exchange => log.append(exchange)));
    const fresh = some(300);
    const appending = (async () => {
      for (const exchange of fresh) await log.append(exchange);
    })();
    const erasing = Array.from({ length: 10 }, (_, i) => eraser.erase(ids(old.slice(i * 30, i * 30 + 30))));
    await Promise.all([appending, ...erasing]);
    await follower.caughtUp(10_000);
    expect(await rows()).toEqual(ids(fresh));
    expect((await readLogContent(file)).ids).toEqual(fresh.map(({ id }) => id));
    expect(await compareWithLog(file, database)).toEqual({ ...equal, exchanges: 300 });
  });

  it('leaves an exchange that only names another, and takes a damaged line that does', async () => {
    const { log, file, eraser } = await openTestVault();
    const [gone, other] = some(2) as [Exchange, Exchange];
    const naming = sampleExchange({ id: uuidv7(), prompt: `Again: {"id":"${gone.id}"}`, requestId: gone.id });
    await log.append(gone);
    await appendFile(file, `{"half${toLogLine(gone)}`);
    for (const exchange of [naming, other]) await log.append(exchange);
    await eraser.erase([gone.id.toUpperCase()]);
    expect(await readLogContent(file)).toEqual({ ids: [naming.id, other.id], damaged: [] });
  });

  it('leaves no beginning of the line among the torn ones', async () => {
    const { log, file, eraser } = await openTestVault();
    const [gone, other] = some(2) as [Exchange, Exchange];
    const beginnings = [gone, other].map(exchange => toLogLine(exchange).slice(0, 120));
    await appendFile(`${file}.torn`, beginnings.map(bytes => `${bytes}\n`).join(''));
    for (const exchange of [gone, other]) await log.append(exchange);
    await eraser.erase([gone.id]);
    expect(await readFile(`${file}.torn`, 'utf8')).toBe(`${beginnings[1]}\n`);
    await eraser.erase([other.id]);
    expect(await readdir(path.dirname(file))).toEqual(['log.jsonl']);
  });

  it('changes nothing while the database is away', async () => {
    const { log, file, eraser, follower, rows, first } = await openTestVault();
    const exchanges = some(3);
    for (const exchange of exchanges) await log.append(exchange);
    await follower.caughtUp();
    const before = await readFile(file, 'utf8');
    first.isAway = true;
    await expect(eraser.erase(ids(exchanges))).rejects.toThrow();
    expect(await readFile(file, 'utf8')).toBe(before);
    expect(await rows()).toEqual(ids(exchanges));
  });

  it('changes nothing while the log cannot be written', async () => {
    const { log, file, disk, eraser, follower, rows } = await openTestVault();
    const exchanges = some(3);
    for (const exchange of exchanges) await log.append(exchange);
    await follower.caughtUp();
    disk.failingWrites = Number.POSITIVE_INFINITY;
    await log.append(some(1)[0] as Exchange);
    const before = await readFile(file, 'utf8');
    await expect(eraser.erase(ids(exchanges))).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(await readFile(file, 'utf8')).toBe(before);
    expect(await rows()).toEqual(ids(exchanges));
  });

  it('is refused for now while a file of the log cannot be replaced, and finished when it can be', async () => {
    const { log, file, eraser, rows, database, follower } = await openTestVault();
    const exchanges = some(3);
    const [gone, ...kept] = exchanges as [Exchange, ...Exchange[]];
    for (const exchange of exchanges) await log.append(exchange);
    const inTheWay = `${file}.erasing`;
    await mkdir(inTheWay);
    await expect(eraser.erase([gone.id])).rejects.toMatchObject({ code: 'storage_unavailable', status: 503 });
    await rmdir(inTheWay);
    await eraser.finish();
    expect((await readLogContent(file)).ids).toEqual(kept.map(({ id }) => id));
    expect(await rows()).toEqual(ids(kept));
    await follower.caughtUp();
    expect(await compareWithLog(file, database)).toEqual({ ...equal, exchanges: 2 });
  });

  it('is finished by the next start wherever it was broken off', async () => {
    const vault = await openTestVault({ log: { maxBytes: 3_000 } });
    const { log, file, database, rows, start } = vault;
    await vault.close();
    const expected: string[] = [];
    let isWhole = false;
    for (let calls = 0; !isWhole; calls++) {
      const failing = awayDatabase(database);
      const broken = start(failing);
      const exchanges = some(5);
      for (const exchange of exchanges) await log.append(exchange);
      await broken.follower.caughtUp();
      failing.callsLeft = calls;
      isWhole = await broken.eraser.erase([exchanges[0], exchanges[4]].map(one => one?.id ?? '')).then(
        () => true,
        () => false,
      );
      failing.callsLeft = 0;
      await broken.close();
      const next = start();
      await next.eraser.finish();
      await next.follower.caughtUp();
      await next.close();
      expected.push(...ids(calls === 0 ? exchanges : exchanges.slice(1, 4)));
      expect(await rows()).toEqual(expected.toSorted());
      expect(await compareWithLog(file, database)).toEqual({ ...equal, exchanges: expected.length });
    }
    expect(expected.length).toBeGreaterThan(20);
  });

  it('leaves what is in the log of another gateway with the same database', async () => {
    const [a, b] = [await openTestVault({ isShared: true }), await openTestVault({ isShared: true })];
    const [ofA, ofB] = [some(2), some(2)] as [[Exchange, Exchange], [Exchange, Exchange]];
    const naming = sampleExchange({ id: uuidv7(), requestId: ofB[0].id });
    for (const exchange of [...ofA, naming]) await a.log.append(exchange);
    for (const exchange of ofB) await b.log.append(exchange);
    await Promise.all([a.follower.caughtUp(), b.follower.caughtUp()]);
    const all = [...ids([...ofA, naming, ...ofB])].sort();
    for (const wanted of [[ofB[0].id], [ofA[0].id, ofB[0].id.toUpperCase()]]) {
      await expect(a.eraser.erase(wanted)).rejects.toMatchObject({ code: 'exchange_elsewhere', status: 409 });
    }
    expect(await a.rows()).toEqual(all);
    expect((await readLogContent(a.file)).ids).toHaveLength(3);
    expect(await a.database.run(db => db.selectFrom('erasures').selectAll().execute())).toEqual([]);
    await b.eraser.erase([ofB[0].id]);
    await a.eraser.erase([ofA[0].id, ofB[0].id]);
    expect(await a.rows()).toEqual(ids([ofA[1], naming, ofB[1]]));
    expect((await readLogContent(b.file)).ids).toEqual([ofB[1].id]);
  });

  it('withdraws no intent of another gateway that has not been through its own log yet', async () => {
    const [a, b] = [await openTestVault({ isShared: true }), await openTestVault({ isShared: true })];
    const [gone, kept] = some(2) as [Exchange, Exchange];
    for (const exchange of [gone, kept]) await a.log.append(exchange);
    await a.follower.caughtUp();
    const intents = () => a.database.run(db => db.selectFrom('erasures').select('id').execute());
    // As a crash of the first leaves it before it has touched its log.
    await a.database.run(db => db.insertInto('erasures').values({ id: gone.id }).execute());
    await b.eraser.finish();
    expect([await b.rows(), await intents()]).toEqual([[kept.id], [{ id: gone.id }]]);
    await a.eraser.finish();
    expect([await a.rows(), await intents()]).toEqual([[kept.id], []]);
    expect((await readLogContent(a.file)).ids).toEqual([kept.id]);
  });

  it('finishes on a shared database what its log has lost already', async () => {
    const { log, first, eraser, follower, rows, file, database } = await openTestVault({ isShared: true });
    let hasBroken = false;
    for (let calls = 1; !hasBroken; calls++) {
      const [gone] = some(1) as [Exchange];
      await log.append(gone);
      await follower.caughtUp();
      first.callsLeft = calls;
      await eraser.erase([gone.id]).catch(() => undefined);
      first.callsLeft = Number.POSITIVE_INFINITY;
      const { ids: logged } = await readLogContent(file);
      hasBroken = !logged.includes(gone.id) && (await rows()).includes(gone.id);
      await eraser.erase([gone.id]);
      expect(await rows()).not.toContain(gone.id);
    }
    await eraser.finish();
    expect(await database.run(db => db.selectFrom('erasures').selectAll().execute())).toEqual([]);
  });
});
