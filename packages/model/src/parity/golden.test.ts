import { AdamW, clippingScale, globalNorm, tf, valueAndGradients } from '@subtext/tensor';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { generate } from '../generation/generate';
import type { LanguageModel } from '../language-model';
import { loadModel } from '../load-model';
import { nextTokenLoss } from '../training/next-token-loss';
import { describeOnEngines } from './engines';
import { fixtures, integers, largestDifference, readRecorded, rowsOf, type Recorded } from './recorded';

const cases = ['gpt2', 'llama', 'llama3-rope-tied', 'qwen2'];

const llamaGradients = [
  'layers.0.input_layernorm.weight',
  'layers.0.mlp.down_proj.weight',
  'layers.0.self_attn.q_proj.weight',
  'norm.weight',
].map((name) => `model.${name}`);

/** Of what is large a part is recorded: every fifth column of logits, which states give that are recorded whole; every fourth row of matrices' gradients. */
const LOGIT_COLUMNS = 5;
const GRADIENT_ROWS = 4;
const logitColumns = (logits: tf.Tensor3D) =>
  tf.tidy(() => logits.stridedSlice([0, 0, 0], logits.shape, [1, 1, LOGIT_COLUMNS]).dataSync());
const gradientRows = (gradient: tf.Tensor) =>
  gradient.rank === 2
    ? tf.tidy(() => gradient.stridedSlice([0, 0], gradient.shape, [GRADIENT_ROWS, 1]).dataSync())
    : gradient.dataSync();

/** Parameters whose gradients are recorded. */
const gradientNames: Record<string, string[]> = {
  gpt2: ['h.0.attn.c_attn.weight', 'h.1.mlp.c_proj.weight', 'ln_f.weight', 'wte.weight'].map(
    (name) => `transformer.${name}`,
  ),
  llama: llamaGradients,
  'llama3-rope-tied': ['model.embed_tokens.weight', ...llamaGradients],
  qwen2: llamaGradients,
};

describeOnEngines('recorded outputs of transformers', () => {
  describe.each(cases)('%s', (name) => {
    let model: LanguageModel;
    let recorded: (tensor: string) => Recorded;
    const ids = (tensor = 'input_ids') => integers(recorded(tensor));

    beforeAll(async () => {
      recorded = await readRecorded(`${fixtures}golden/${name}`);
      model = await loadModel({ folder: `${fixtures}golden/${name}` });
    });
    afterAll(() => model.dispose());

    it('gives the logits and every hidden state', () => {
      tf.tidy(() => {
        const { hidden, hiddenStates } = model.forward({ embeddings: model.embed(ids()), outputHiddenStates: true });
        expect(hiddenStates?.length).toBe(model.dimensions.layers + 1);
        for (const [layer, states] of (hiddenStates ?? []).entries()) {
          expect(largestDifference(states.dataSync(), recorded(`hidden_states.${layer}`).values)).toBeLessThan(1e-4);
        }
        expect(largestDifference(logitColumns(model.logits(hidden)), recorded('logits').values)).toBeLessThan(1e-4);
      });
    });

    it('gives the logits of a left-padded batch', () => {
      tf.tidy(() => {
        const mask = ids('attention_mask');
        const { hidden } = model.forward({ embeddings: model.embed(ids()), mask });
        const { values, shape } = recorded('masked.logits');
        const seen = recorded('attention_mask').values;
        const difference = largestDifference(
          logitColumns(model.logits(hidden)),
          values,
          (index) => seen[Math.floor(index / (shape[2] as number))] === 1,
        );
        expect(difference).toBeLessThan(1e-4);
      });
    });

    it('takes embeddings in place of ids', () => {
      tf.tidy(() => {
        const { shape, values } = recorded('inputs_embeds');
        const { hidden } = model.forward({ embeddings: tf.tensor3d(values, shape as [number, number, number]) });
        expect(
          largestDifference(logitColumns(model.logits(hidden)), recorded('inputs_embeds.logits').values),
        ).toBeLessThan(1e-4);
      });
    });

    it('writes the same greedy tokens with a cache and without', async () => {
      const whole = [...recorded('greedy').values];
      const prompt = whole.slice(0, 24);
      const expected = whole.slice(24);
      // The recorded text went on whatever came; stop ids are left out here too.
      const { ids: generated } = await generate({ model, inputs: [prompt], maxNewTokens: expected.length });
      expect(generated).toEqual([expected]);
      const uncached = [...prompt];
      while (uncached.length < whole.length) {
        const next = tf.tidy(() => {
          const { hidden } = model.forward({ embeddings: model.embed(tf.tensor2d([uncached], undefined, 'int32')) });
          return model
            .logits(hidden)
            .slice([0, uncached.length - 1, 0], [1, 1, -1])
            .argMax(-1)
            .dataSync()[0] as number;
        });
        uncached.push(next);
      }
      expect(uncached).toEqual(whole);
    });

    it('trains three clipped AdamW steps to the same losses, from the same gradients', async () => {
      const trained = await loadModel({ folder: `${fixtures}golden/${name}` });
      const settings = JSON.parse(await readFile(`${fixtures}golden/${name}/case.json`, 'utf8')).adamw;
      const labels = rowsOf(recorded('input_ids')).map((row) => row.map((id, position) => (position < 8 ? -100 : id)));
      const optimizer = new AdamW({
        parameters: trained.parameters,
        learningRate: settings.lr,
        beta1: settings.betas[0],
        beta2: settings.betas[1],
        epsilon: settings.eps,
        weightDecay: settings.weight_decay,
      });
      const expected = recorded('train.loss_and_gradnorm').values;
      for (let step = 0; step < settings.steps; step++) {
        const { value, gradients } = valueAndGradients({
          parameters: trained.parameters,
          compute: () => {
            const { hidden } = trained.forward({ embeddings: trained.embed(ids()) });
            const { sum, count } = nextTokenLoss({ model: trained, hidden, labels });
            return tf.div(sum, count);
          },
        });
        expect(Math.abs((value.dataSync()[0] as number) - (expected[2 * step] as number))).toBeLessThan(1e-4);
        const norm = globalNorm(gradients);
        expect(Math.abs(norm / (expected[2 * step + 1] as number) - 1)).toBeLessThan(1e-3);
        if (step === 0) {
          for (const parameter of gradientNames[name] as string[]) {
            const reference = recorded(`grad.${parameter}`).values;
            const scale = reference.reduce((largest, element) => Math.max(largest, Math.abs(element)), 0);
            expect(largestDifference(gradientRows(gradients[parameter] as tf.Tensor), reference) / scale).toBeLessThan(
              1e-3,
            );
          }
        }
        optimizer.step({ gradients, gradientScale: clippingScale({ norm, maximumNorm: settings.clip }) });
        tf.dispose([value, ...Object.values(gradients)]);
      }
      if (name === 'llama3-rope-tied') {
        tf.tidy(() => {
          const { hidden } = trained.forward({ embeddings: trained.embed(ids()) });
          expect(
            largestDifference(logitColumns(trained.logits(hidden)), recorded('train.logits_after_3_steps').values),
          ).toBeLessThan(1e-3);
        });
      }
      optimizer.dispose();
      trained.dispose();
    });
  });
});
