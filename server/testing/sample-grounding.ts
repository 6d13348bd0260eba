// Sources and reports of grounding with something in every field.
import type { GroundingReport, Source } from '../domain/grounding.js';

export function sampleSource(text = 'The door is teal.', fields: Partial<Source> = {}): Source {
  return {
    documentId: '0192f0c1-0000-7000-8000-0000000000d1',
    position: 2,
    startOffset: 40,
    endOffset: 40 + text.length,
    score: 0.8125,
    text,
    filename: 'library.md',
    metadata: { author: 'Ada' },
    ...fields,
  };
}

export function sampleReport(fields: Partial<GroundingReport> = {}): GroundingReport {
  return {
    query: 'Which colour has the door?',
    threshold: 0.7,
    sources: [sampleSource()],
    omitted: 1,
    notice: '1 of the 2 passages that were found do not fit.',
    ...fields,
  };
}

/** As it is sent, in every format. */
export const SAMPLE_WIRE = {
  sources: [
    {
      document_id: '0192f0c1-0000-7000-8000-0000000000d1',
      position: 2,
      start_offset: 40,
      end_offset: 57,
      score: 0.8125,
      text: 'The door is teal.',
      filename: 'library.md',
      metadata: { author: 'Ada' },
    },
  ],
  grounding: {
    query: 'Which colour has the door?',
    threshold: 0.7,
    sources_omitted: 1,
    notice: '1 of the 2 passages that were found do not fit.',
  },
};
