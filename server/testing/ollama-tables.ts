// The rows that generate and chat of Ollama share in the tables of their fields.
const SCHEMA = { type: 'object', properties: { a: { type: 'string' } } };

/** A field's value beside what else it needs, and what of the generation shows it. */
export const SHARED_ACTS: Readonly<
  Record<string, readonly [more: Record<string, unknown>, expected: object]>
> = {
  documents: [
    { documents: { top_k: 3, threshold: 0.5 }, options: { num_ctx: 999 } },
    { grounding: { topK: 3, threshold: 0.5, isRequired: true, contextLength: 999 } },
  ],
  format: [{ format: SCHEMA }, { sampling: { constraint: { type: 'json_schema', schema: SCHEMA } } }],
  options: [{ options: { temperature: 0 } }, { sampling: { temperature: 0 } }],
  logprobs: [{ logprobs: true }, { sampling: { logprobs: 0 } }],
  top_logprobs: [{ logprobs: true, top_logprobs: 3 }, { sampling: { logprobs: 3 } }],
};
/** Shown where they act: routes/ollama-answer.test.ts, generation/fit-context.test.ts. */
export const SHARED_OF_THE_ROUTE = ['model', 'stream', 'keep_alive', 'truncate'];
/** What asks for something that we have not, and what asks for nothing. */
export const SHARED_REFUSED: Readonly<Record<string, readonly [asking: unknown, neutral: unknown]>> = {
  think: [true, false],
  shift: [true, false],
  _debug_render_only: [true, false],
};
