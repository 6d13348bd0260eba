// Two answers to the same request, beside each other: equal, or where and how they part.
import { Link } from 'wouter-preact';
import type { ReplayAnswer } from '../api/history.js';
import { spellConditions, spellOutcome } from './comparison-words.js';

export function Comparison({ answer, original }: { answer: ReplayAnswer; original: string }) {
  const { equal, note, changes, response } = answer;
  return (
    <div class="comparison">
      <p role="status">
        <strong>{spellOutcome(answer)}</strong> <Link href={`/vault/${answer.id}`}>The new exchange</Link>
      </p>
      {note !== null && <p>{note}</p>}
      {answer.other_conditions.length > 0 && (
        <ul>
          {spellConditions(answer).map(line => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      )}
      {!equal && (changes === null ? <SideBySide {...{ original, response }} /> : <Diff changes={changes} />)}
    </div>
  );
}

function Diff({ changes }: { changes: NonNullable<ReplayAnswer['changes']> }) {
  return (
    <>
      <p class="quiet-text">
        <del>Struck out</del>: only in the first answer. <ins>Underlined</ins>: only in the new one.
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section class="diff" tabIndex={0} aria-label="The differences, word by word">
        {changes.map(({ type, text }, index) =>
          type === 'same' ? (
            <span key={index}>{text}</span>
          ) : type === 'added' ? (
            <ins key={index}>{text}</ins>
          ) : (
            <del key={index}>{text}</del>
          ),
        )}
      </section>
    </>
  );
}

function SideBySide({ original, response }: { original: string; response: string }) {
  const texts = [
    { title: 'The first answer', text: original },
    { title: 'The new one', text: response },
  ];
  return (
    <>
      <p class="quiet-text">They have too little in common for a comparison word by word.</p>
      <div class="side-by-side">
        {texts.map(({ title, text }) => (
          <div key={title}>
            <h3>{title}</h3>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
            <section class="diff" tabIndex={0} aria-label={title}>
              {text}
            </section>
          </div>
        ))}
      </div>
    </>
  );
}
