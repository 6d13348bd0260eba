// How similar a passage is, drawn against how similar it has to be.

const percentOf = (similarity: number): string => `${Math.min(Math.max(similarity, 0), 1) * 100}%`;

export function ScoreBar({ similarity, threshold }: { similarity: number; threshold: number }) {
  return (
    <div
      class={similarity >= threshold ? 'score enough' : 'score'}
      role="img"
      aria-label={`Similarity ${similarity.toFixed(2)}, needed ${threshold}`}
    >
      <div class="fill" style={{ width: percentOf(similarity) }} />
      <div class="threshold" style={{ insetInlineStart: percentOf(threshold) }} />
    </div>
  );
}
