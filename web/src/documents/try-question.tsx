// A question put to the documents: which passages are found, how similar each is, and whether an answer would rest on it.
import { useEffect, useState } from 'preact/hooks';
import { Link, useLocation } from 'wouter-preact';
import { type Grounding, type Passage, readGrounding, searchDocuments } from '../api/documents.js';
import { useAsked } from '../ui/asked.js';
import { Fault } from '../ui/fault.js';
import { titleOf } from './document-title.js';
import { type DocumentsQuery, MAX_PASSAGES, toDocumentsAddress } from './documents-query.js';
import { ScoreBar } from './score-bar.js';
import { SPELLED, spellVerdicts, type Verdict, verdictsOf } from './verdict.js';

/** What the gateway does when nothing else is set, for where it does not say. */
const USUAL: Grounding = { threshold: 0.7, top_k: 5 };

const MODES = [
  { mode: 'hybrid', label: 'Both' },
  { mode: 'semantic', label: 'Meaning' },
  { mode: 'text', label: 'Words' },
] as const;

export function TryQuestion({ query }: { query: DocumentsQuery }) {
  const [, navigate] = useLocation();
  const [draft, setDraft] = useState(query);
  useEffect(() => setDraft(query), [query]);
  const set = (change: Partial<DocumentsQuery>): void => setDraft(before => ({ ...before, ...change }));
  return (
    <section class="card" aria-labelledby="try">
      <h2 id="try">Try a question</h2>
      <search>
        <form
          onSubmit={event => {
            event.preventDefault();
            navigate(toDocumentsAddress({ ...draft, query: draft.query.trim() }));
          }}
        >
          <label for="try-question">Question</label>
          <div class="row question-row">
            <input
              id="try-question"
              type="search"
              maxLength={1_000}
              value={draft.query}
              onInput={event => set({ query: event.currentTarget.value })}
            />
            <button type="submit">Find</button>
          </div>
          <div class="row how">
            <fieldset class="row">
              <legend>By</legend>
              {MODES.map(({ mode, label }) => (
                <label class="choice" key={mode}>
                  <input
                    type="radio"
                    name="try-mode"
                    checked={draft.mode === mode}
                    onChange={() => set({ mode })}
                  />
                  {label}
                </label>
              ))}
            </fieldset>
            <label class="choice">
              Passages
              <input
                type="number"
                min={1}
                max={MAX_PASSAGES}
                required
                value={draft.count}
                onInput={event => set({ count: event.currentTarget.valueAsNumber })}
              />
            </label>
          </div>
        </form>
      </search>
      {query.query !== '' && <Found query={query} />}
    </section>
  );
}

function Found({ query: { query, mode, count } }: { query: DocumentsQuery }) {
  const asked = { query, mode, top_k: count };
  const { value, error, isAsking, again } = useAsked(JSON.stringify(asked), async signal => {
    const [passages, grounding] = await Promise.all([
      searchDocuments(asked, signal),
      readGrounding(signal).catch(() => USUAL),
    ]);
    return { passages, grounding };
  });
  if (error !== null) return <Fault error={error} onAgain={again} />;
  if (value === null) return <p class="loading">Looking…</p>;
  const { passages, grounding } = value;
  const verdicts = verdictsOf(passages.results, grounding);
  return (
    <div aria-busy={isAsking}>
      <p role="status">{spellVerdicts(verdicts, passages.mode, grounding)}</p>
      <ol class="passages">
        {passages.results.map((passage, index) => (
          <PassageItem
            key={`${passage.document_id}-${passage.chunk}`}
            passage={passage}
            verdict={verdicts[index] ?? 'unknown'}
            threshold={grounding.threshold}
          />
        ))}
      </ol>
    </div>
  );
}

interface PassageItemProps {
  readonly passage: Passage;
  readonly verdict: Verdict;
  readonly threshold: number;
}

function PassageItem({ passage, verdict, threshold }: PassageItemProps) {
  const { document_id: id, start, end, text, similarity } = passage;
  return (
    <li class="passage">
      <Link href={`/documents/${id}/${start}-${end}`}>{titleOf(passage)}</Link>
      {similarity !== null && <ScoreBar similarity={similarity} threshold={threshold} />}
      <p class={`verdict ${verdict}`}>
        {similarity !== null && <strong>{similarity.toFixed(2)} </strong>}
        {SPELLED[verdict]}
      </p>
      <blockquote>{text}</blockquote>
    </li>
  );
}
