// `npm run migrate`: brings the database's tables up to this program's version, as every start of the gateway does.
import { sql } from 'kysely';
import { runCommand, withDatabase } from './command.js';

const about = `Brings the database's tables up to this version of the program, as every start of the gateway does.
Exit codes: 0 done, 1 the database cannot be used (it is away, newer, or in use), 78 wrong settings.`;

export async function main(args: readonly string[] = process.argv.slice(2)): Promise<void> {
  await runCommand(
    {
      name: 'migrate',
      about,
      run: config => {
        const startedAt = new Date().toISOString();
        return withDatabase(config, async database => {
          const { rows } = await database.run(db =>
            sql<{ name: string; isNew: boolean }>`
              select name, timestamp >= ${startedAt} as "isNew" from kysely_migration order by name`.execute(
              db,
            ),
          );
          const ran = rows.filter(({ isNew }) => isNew).map(({ name }) => name);
          const did = ran.length === 0 ? 'nothing was to be done' : `ran ${ran.join(', ')}`;
          process.stdout.write(`The database has version ${rows.at(-1)?.name}: ${did}.\n`);
          return 0;
        });
      },
    },
    args,
  );
}
