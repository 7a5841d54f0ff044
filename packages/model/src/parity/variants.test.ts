import { tf } from '@subtext/tensor';
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { generate } from '../generation/generate';
import type { LanguageModel } from '../language-model';
import { loadModel } from '../load-model';
import { describeOnEngines } from './engines';
import { fixtures, integers, largestDifference, readRecorded, rowsOf, type Recorded } from './recorded';

const variants = readdirSync(`${fixtures}variants`);

describeOnEngines('other configurations of the architectures', () => {
  describe.each(variants)('%s', (name) => {
    let model: LanguageModel;
    let recorded: (tensor: string) => Recorded;

    beforeAll(async () => {
      recorded = await readRecorded(`${fixtures}variants/${name}`);
      model = await loadModel({ folder: `${fixtures}variants/${name}` });
    });
    afterAll(() => model.dispose());

    it('gives the logits and hidden states of a left-padded batch', () => {
      tf.tidy(() => {
        const seen = recorded('attention_mask').values;
        const shown = (width: number) => (index: number) => seen[Math.floor(index / width)] === 1;
        const { hidden, hiddenStates } = model.forward({
          embeddings: model.embed(integers(recorded('input_ids'))),
          mask: integers(recorded('attention_mask')),
          outputHiddenStates: true,
        });
        const { width, vocabularySize } = model.dimensions;
        for (const [layer, states] of (hiddenStates ?? []).entries()) {
          expect(
            largestDifference(states.dataSync(), recorded(`hidden_states.${layer}`).values, shown(width)),
            `hidden state ${layer}`,
          ).toBeLessThan(1e-4);
        }
        expect(
          largestDifference(model.logits(hidden).dataSync(), recorded('logits').values, shown(vocabularySize)),
        ).toBeLessThan(1e-4);
      });
    });

    it('writes the same greedy tokens', async () => {
      const prompt = rowsOf(recorded('input_ids'))[0] as number[];
      const expected = (rowsOf(recorded('greedy'))[0] as number[]).slice(prompt.length);
      const { ids } = await generate({ model, inputs: [prompt], maxNewTokens: expected.length });
      expect(ids).toEqual([expected]);
    });
  });
});
