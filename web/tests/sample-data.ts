// What the pictures show: chats, documents, keys and a line, as a person would have them. The answers are written here.
import type { FakePlan } from '../../server/testing/fake-plan.js';
import type { StartedApp } from '../../server/testing/start-app.js';

export const KEY = 'key-of-the-pictures';

const BACKUP = `A backup is only as good as its last restore. Three copies, two kinds of disk, one elsewhere:

1. **Daily** to a second disk
2. **Weekly** to another place
3. Once a month *restore one file* and compare it

\`\`\`python
def is_whole(folder):
    """True when every file has the digest it had."""
    return all(digest(file) == known for file, known in folder.files())
\`\`\`

| kind | keeps | takes |
|---|---|---|
| full | everything | the longest |
| incremental | what changed | seconds |`;

/** What is asked, and what is answered. */
const TALKS: readonly (readonly [question: string, answer: string])[] = [
  ['How should I back up this machine?', BACKUP],
  ['Write a haiku about patience.', 'Still water waiting\nthe heron does not hurry\nmorning finds them both'],
  [
    'What does HTTP 304 mean?',
    'That what the client has is still good: **Not Modified**. The answer has headers and no body.',
  ],
];
const DOCUMENTS: readonly (readonly [text: string, filename: string])[] = [
  [
    'The ferry to Holm leaves at 6:40 on working days and at 8:10 on Sundays. Bicycles travel free. Dogs need a ticket. In a storm there is a bus from the north pier.',
    'ferry.txt',
  ],
  [
    'The workshop is open from nine to five. The saw is used by two people, never by one. Glue is in the red cupboard.',
    'workshop.txt',
  ],
  ['The garden is watered at six in the morning, the tomatoes twice a week.', 'garden.txt'],
];

export const PLAN: FakePlan = {
  slots: 2,
  tokens: 40,
  gap_ms: 6,
  prefill_ms: 60,
  rules: [
    { match: 'long report', tokens: 8_000, gap_ms: 40 },
    ...TALKS.map(([match, text]) => ({ match, text, tokens: 1_000 })),
  ],
};

export interface Samples {
  readonly chat: string;
  readonly exchange: string;
  readonly document: string;
}

/** Ends with a line: two answers that run, and three that wait until the gateway is closed. */
export async function makeSamples(app: StartedApp): Promise<Samples> {
  const post = async <T>(route: string, body: object): Promise<T> => {
    const response = await fetch(app.url + route, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-API-Key': KEY },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${route}: ${await response.text()}`);
    return (await response.json()) as T;
  };
  const chats = TALKS.map((_, index) => `0193a3f0-0000-7000-8000-00000000000${index}`);
  let exchange = '';
  for (const [index, [question]] of [...TALKS.entries()].reverse()) {
    const body = { input: question, max_output_tokens: 1_000, chat_id: chats[index], seed: index };
    const { id } = await post<{ id: string }>('/v1/responses', body);
    exchange = id.replace('resp_', '');
  }
  const { ids } = await addDocuments(app);
  await post('/admin/keys', {
    name: 'alice',
    limits: { tokens_per_day: 200_000, concurrency: 2, requests_per_minute: 30 },
  });
  await post('/admin/keys', {
    name: 'backup-script',
    scopes: ['generate', 'embed'],
    expires_at: '2099-12-31T12:00:00Z',
  });
  for (let number = 1; number <= 5; number++) {
    await post('/v1/responses', {
      input: `A long report, number ${number}`,
      background: true,
      max_output_tokens: 8_000,
    });
  }
  await app.until(() => app.parts.admission.running === 2);
  return { chat: chats[0] ?? '', exchange, document: ids[0] ?? '' };
}

async function addDocuments(app: StartedApp): Promise<{ readonly ids: readonly string[] }> {
  const form = new FormData();
  for (const [text, filename] of DOCUMENTS) form.append('files', new Blob([text]), filename);
  const response = await fetch(`${app.url}/api/v1/documents/upload`, {
    method: 'POST',
    headers: { 'X-API-Key': KEY },
    body: form,
  });
  if (!response.ok) throw new Error(await response.text());
  const { documents } = (await response.json()) as { documents: readonly { readonly id: string }[] };
  return { ids: documents.map(({ id }) => id) };
}
