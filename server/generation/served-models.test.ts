import { describe, expect, it } from 'vitest';
import { createServedModels } from './served-models.js';

describe('a model name', () => {
  const served = createServedModels(() => 'HuggingFaceTB/SmolLM2', ['gpt-4o-mini', 'llama3.2:latest']);

  it.each([
    undefined,
    'HuggingFaceTB/SmolLM2',
    'huggingfacetb/smollm2:latest',
    'gpt-4o-mini',
    'gpt-4o-mini:latest',
    'llama3.2',
  ])('is served: %s', name => {
    served.requireServed(name);
  });

  it.each(['', 'gpt-4o', 'smollm2:135m', 'HuggingFaceTB/SmolLM2:q4'])(
    'that means another model is refused, and the one there is named: %j',
    name => {
      expect(() => served.requireServed(name)).toThrow(
        expect.objectContaining({
          code: 'model_not_found',
          param: 'model',
          message: expect.stringContaining('this serves "HuggingFaceTB/SmolLM2"'),
        }),
      );
    },
  );

  it('may be anything when the aliases have a star', () => {
    createServedModels(() => 'a', ['*']).requireServed('whatever:7b');
  });
});
