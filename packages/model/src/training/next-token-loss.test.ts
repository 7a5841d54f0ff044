import { AdamW, tf, valueAndGradients } from '@subtext/tensor';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { createModel } from '../create-model';
import type { LanguageModel } from '../language-model';
import { nextTokenLoss } from './next-token-loss';
import { describeOnEngines } from '../parity/engines';

const config = {
  model_type: 'gpt2',
  vocab_size: 24,
  n_positions: 16,
  n_embd: 16,
  n_layer: 2,
  n_head: 2,
  initializer_range: 0.2,
};
const ids = [
  [3, 4, 5, 6, 7],
  [8, 9, 10, 11, 12],
];

describeOnEngines('nextTokenLoss', () => {
  let model: LanguageModel;
  beforeAll(() => {
    model = createModel({ config, seed: 1 });
  });
  afterAll(() => model.dispose());

  const forward = () => model.forward({ embeddings: model.embed(tf.tensor2d(ids, undefined, 'int32')) }).hidden;

  it('sums −log p of each labelled token, held against the position before it', () => {
    tf.tidy(() => {
      const hidden = forward();
      const labels = [
        [3, -100, 5, -100, -100],
        [-100, -100, -100, 11, 12],
      ];
      const { sum, count } = nextTokenLoss({ model, hidden, labels });
      const logProbabilities = tf.logSoftmax(model.logits(hidden)).arraySync();
      const at = (row: number, position: number, id: number) => logProbabilities[row]?.[position - 1]?.[id] as number;
      expect(count).toBe(3);
      expect(sum.dataSync()[0]).toBeCloseTo(-(at(0, 2, 5) + at(1, 3, 11) + at(1, 4, 12)), 4);
    });
  });

  it('is 0 of 0 where nothing is labelled, and refuses labels of another shape', () => {
    tf.tidy(() => {
      const hidden = forward();
      const nothing = nextTokenLoss({ model, hidden, labels: ids.map((row) => row.map(() => -100)) });
      expect([nothing.sum.dataSync()[0], nothing.count]).toEqual([0, 0]);
      expect(() => nextTokenLoss({ model, hidden, labels: [[1, 2]] })).toThrow(/2 rows of 5.*1 rows of 2/);
    });
  });

  it('trains without leaving a tensor behind', () => {
    const trained = createModel({ config, seed: 2 });
    const optimizer = new AdamW({ parameters: trained.parameters, learningRate: 0.01 });
    const losses: number[] = [];
    const counts = new Set<number>();
    for (let step = 0; step < 12; step++) {
      const { value, gradients } = valueAndGradients({
        parameters: trained.parameters,
        compute: () => {
          const mask = tf.tensor2d(
            [
              [1, 1, 1, 1, 1],
              [0, 1, 1, 1, 1],
            ],
            undefined,
            'int32',
          );
          const { hidden } = trained.forward({ embeddings: trained.embed(tf.tensor2d(ids, undefined, 'int32')), mask });
          const { sum, count } = nextTokenLoss({ model: trained, hidden, labels: ids });
          return tf.div(sum, count);
        },
      });
      losses.push(value.dataSync()[0] as number);
      optimizer.step({ gradients });
      tf.dispose([value, gradients]);
      if (step > 0) counts.add(tf.memory().numTensors);
    }
    expect(counts.size).toBe(1);
    expect(losses.at(-1)).toBeLessThan(0.2 * (losses[0] as number));
    optimizer.dispose();
    trained.dispose();
  });
});
