import { createModel } from '@subtext/model';
import { useEngine } from '@subtext/tensor';
import { beforeAll, describe, expect, it } from 'vitest';

import { checkTakesPacks } from './check-takes-packs';

const sizes = {
  vocab_size: 11,
  hidden_size: 8,
  intermediate_size: 16,
  num_attention_heads: 2,
  max_position_embeddings: 6,
};

beforeAll(async () => void (await useEngine({ engine: 'cpu' })));

describe('models that a knowledge pack can stand before', () => {
  it('write from left to right', () => {
    const llama = createModel({ config: { ...sizes, model_type: 'llama', num_hidden_layers: 1 }, seed: 1 });
    expect(() => checkTakesPacks(llama)).not.toThrow();
    const layers = { num_prelude_layers: 1, num_core_layers: 1, num_coda_layers: 1, num_recurrences: 2 };
    const recurrent = createModel({ config: { ...sizes, ...layers, model_type: 'subtext_recurrent' }, seed: 1 });
    expect(() => checkTakesPacks(recurrent)).toThrow(/subtext_recurrent model .* keeps no cache/);
    llama.dispose();
    recurrent.dispose();
  });
});
