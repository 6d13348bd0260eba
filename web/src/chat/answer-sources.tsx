// On what an answer rests, each source leading to its place in its document.
import { Link } from 'wouter-preact';
import type { Source } from './answer.js';

export interface AnswerSourcesProps {
  readonly sources: readonly Source[];
  readonly notice: string | null;
}

export function AnswerSources({ sources, notice }: AnswerSourcesProps) {
  if (sources.length === 0) return notice === null ? null : <p class="quiet-text">{notice}</p>;
  return (
    <details class="sources">
      <summary>
        {sources.length} {sources.length === 1 ? 'source' : 'sources'}
      </summary>
      <ol>
        {sources.map(({ documentId, startOffset, endOffset, score, filename, text }) => (
          <li key={`${documentId}-${startOffset}`}>
            <Link href={`/documents/${documentId}/${startOffset}-${endOffset}`}>
              {filename ?? 'Document'}
            </Link>{' '}
            <span class="quiet-text">similarity {score.toFixed(2)}</span>
            {text !== null && <blockquote>{text}</blockquote>}
          </li>
        ))}
      </ol>
      {notice !== null && <p class="quiet-text">{notice}</p>}
    </details>
  );
}
