import { describe, expect, it } from 'vitest';
import type { Passage } from '../api/documents.js';
import { spellVerdicts, verdictsOf } from './verdict.js';

const RULE = { threshold: 0.7, top_k: 2 };

const passages = (...similarities: (number | null)[]): Passage[] =>
  similarities.map((similarity, chunk) => ({
    document_id: 'd',
    filename: null,
    chunk,
    start: 0,
    end: 1,
    text: 'x',
    score: 1,
    similarity,
    metadata: {},
  }));

describe('whether an answer would rest on a passage', () => {
  it('goes by its similarity, the threshold included, and by how many come before it', () => {
    expect(verdictsOf(passages(0.9, 0.69, 0.7, 0.8, -0.1), RULE)).toEqual([
      'grounds',
      'below',
      'grounds',
      'beyond',
      'below',
    ]);
  });

  it('is not known where words alone found it', () => {
    expect(verdictsOf(passages(null), RULE)).toEqual(['unknown']);
    expect(spellVerdicts(['unknown'], 'text', RULE)).toContain('1 passage found by words alone');
  });

  it('is told for all of them in one sentence', () => {
    expect(spellVerdicts([], 'hybrid', RULE)).toBe('No passage was found.');
    expect(spellVerdicts(['below', 'below'], 'semantic', RULE)).toBe(
      '2 passages found, none with a similarity of at least 0.7: an answer would rest on no document.',
    );
    expect(spellVerdicts(['grounds', 'below', 'beyond'], 'hybrid', RULE)).toBe(
      '3 passages found; an answer would rest on 1 with a similarity of at least 0.7.',
    );
  });
});
