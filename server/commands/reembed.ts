// `npm run reembed`: the documents that another embedder has embedded are cut and embedded anew by the one there is.
import { createTextBackend } from '../backends.js';
import type { Config } from '../config.js';
import { Admission } from '../generation/admission.js';
import { createEmbed, EMBED_SLOTS } from '../generation/embed.js';
import { createEmbedder } from '../generation/embedder.js';
import type { Logger } from '../log.js';
import { SILENT_RECORDER } from '../metrics/silent-recorder.js';
import { reembed } from '../retrieval/reembed.js';
import { chunkingOf } from '../retrieval/retrieval.js';
import type { Database } from '../store/database.js';
import { CommandError, runCommand, withDatabase } from './command.js';
import { grouped, Progress } from './progress.js';

const about = `Cuts and embeds the documents anew that were embedded by another embedder than EMBEDDING_MODEL, or OpenAI's where
USE_OPENAI_EMBEDDINGS is set. Broken off, it goes on where it was when it is run again. Beside a gateway it can only run
on a PostgreSQL of DATABASE_URL. Vectors of exchanges are made anew by the gateway itself.
Exit codes: 0 done, 1 the embedder or the database cannot be used, 78 wrong settings.`;

export async function main(args: readonly string[] = process.argv.slice(2)): Promise<void> {
  await runCommand(
    {
      name: 'reembed',
      about,
      run: (config, logger) => withDatabase(config, database => run(config, logger, database)),
    },
    args,
  );
}

async function run(config: Config, logger: Logger, database: Database): Promise<number> {
  database.requireVectors();
  const worker = createTextBackend(config, logger);
  const admission = new Admission({ maxWaiting: 1, waitTimeoutMs: config.MINIVAULT_QUEUE_TIMEOUT_MS });
  const embedder = createEmbedder({
    embed: createEmbed({ admission, worker, recorder: SILENT_RECORDER }),
    worker,
  });
  const failed = new AbortController();
  const follow = (): void => {
    const { state, fault } = worker.status();
    if (state === 'ready') admission.open(EMBED_SLOTS);
    else if (state === 'failed') failed.abort(new CommandError(fault ?? 'There is no embedder'));
  };
  worker.onChange(follow);
  const progress = new Progress('reembed');
  worker.start();
  follow();
  try {
    const {
      documents,
      chunks,
      embedder: id,
    } = await reembed(
      {
        database,
        embedder,
        language: config.MINIVAULT_LANGUAGE,
        chunking: chunkingOf(config),
        onProgress: (done, total) =>
          progress.show(done / total, `${grouped(done)} of ${grouped(total)} documents`),
      },
      failed.signal,
    );
    progress.end();
    process.stdout.write(
      documents === 0
        ? `All documents are embedded by ${id} already.\n`
        : `${grouped(documents)} documents in ${grouped(chunks)} stretches by ${id}, in ${progress.seconds.toFixed(1)} s.\n`,
    );
    return 0;
  } catch (error) {
    if (failed.signal.aborted) throw failed.signal.reason;
    throw error;
  } finally {
    progress.end();
    await worker.stop();
  }
}
