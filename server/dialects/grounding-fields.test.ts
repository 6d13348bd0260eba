import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseWith } from '../http/body.js';
import { SAMPLE_WIRE, sampleReport } from '../testing/sample-grounding.js';
import {
  documentsField,
  groundingFields,
  toGrounding,
  toSomeWireGrounding,
  toUsualGrounding,
  toWireGrounding,
} from './grounding-fields.js';

const asked = (documents: unknown) =>
  parseWith(z.object({ documents: documentsField }), { documents }).documents;
const ASK = { topK: null, threshold: null, isRequired: true, contextLength: null };

describe('the field documents', () => {
  it.each([
    [undefined, undefined],
    [null, undefined],
    [false, undefined],
    [true, ASK],
    [{}, ASK],
    [{ top_k: 100 }, { ...ASK, topK: 100 }],
    [{ threshold: 0 }, { ...ASK, threshold: 0 }],
    [
      { top_k: 1, threshold: 1 },
      { ...ASK, topK: 1, threshold: 1 },
    ],
  ])('%j asks for %j', (documents, grounding) => {
    expect(toGrounding(asked(documents)).grounding).toEqual(grounding);
  });

  it.each([0, 1, 'true', [], ['text'], { top_k: 0 }, { top_k: 101 }, { top_k: 1.5 }, { threshold: -0.1 }])(
    'is refused when it is %j',
    documents => {
      expect(() => asked(documents)).toThrow(
        expect.objectContaining({ code: 'invalid_request', param: expect.stringMatching(/^documents/) }),
      );
    },
  );

  it('may be left out where documents are usual: then they are not required', () => {
    expect(toUsualGrounding(undefined)).toEqual({ grounding: { ...ASK, isRequired: false } });
    expect(toUsualGrounding(false)).toEqual({});
    expect(toUsualGrounding(true)).toEqual({ grounding: ASK });
  });

  it('carries the context that the request names', () => {
    expect(toGrounding(true, 512)).toEqual({ grounding: { ...ASK, contextLength: 512 } });
  });
});

describe('what is told', () => {
  it('has every source and what its reader should know, as its schema says', () => {
    const told = toWireGrounding(sampleReport());
    expect(told).toEqual(SAMPLE_WIRE);
    expect(z.strictObject(groundingFields).parse(told)).toEqual(told);
  });

  it('is nothing when nothing was asked', () => {
    expect(toSomeWireGrounding(null)).toEqual({});
    expect(toSomeWireGrounding(sampleReport())).toEqual(SAMPLE_WIRE);
  });
});
