import { openSafetensors } from '@subtext/safetensors';
import { tf, valueAndGradients } from '@subtext/tensor';
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { generate } from '../generation/generate';
import { loadModel } from '../load-model';
import { isMultimodal, type ImageInputs, type MultimodalModel } from '../multimodal-model';
import { nextTokenLoss } from '../training/next-token-loss';
import { tidied } from '../tidied';
import { describeOnEngines } from './engines';
import { fixtures, integers, largestDifference, readRecorded, rowsOf, type Recorded } from './recorded';

/** Recorded cases that every implementation is held against, and other configurations (tooling/parity/make_vision_fixtures.py). */
const cases = [
  ...['llava', 'idefics3-smolvlm', 'mllama'].map((name) => `golden/${name}`),
  ...readdirSync(`${fixtures}multimodal`).map((name) => `multimodal/${name}`),
];

async function readAll(folder: string) {
  const recorded = await readRecorded(folder);
  const file = await openSafetensors({ path: `${folder}/golden.safetensors` });
  const list = [...file.names];
  await file.close();
  return { recorded, names: () => list };
}

describeOnEngines('models for pictures and text against transformers', () => {
  describe.each(cases)('%s', (name) => {
    let model: MultimodalModel;
    let recorded: (tensor: string) => Recorded;
    let names: () => string[];
    const has = (tensor: string) => names().includes(tensor);
    let images: ImageInputs;
    let prompts: number[][];
    let mask: Recorded | null;
    const numbers = (tensor: string) =>
      has(tensor) ? { data: Int32Array.from(recorded(tensor).values), shape: recorded(tensor).shape } : undefined;
    const shown = (width: number) => (index: number) => mask === null || mask.values[Math.floor(index / width)] === 1;

    beforeAll(async () => {
      ({ recorded, names } = await readAll(`${fixtures}${name}`));
      const loaded = await loadModel({ folder: `${fixtures}${name}` });
      if (!isMultimodal(loaded)) throw new Error(`${name} takes no pictures`);
      model = loaded;
      const { shape, values } = recorded('pixel_values');
      images = {
        pixelValues: { data: values, shape },
        pixelAttentionMask: numbers('pixel_attention_mask'),
        aspectRatioIds: numbers('aspect_ratio_ids'),
        aspectRatioMask: numbers('aspect_ratio_mask'),
      };
      prompts = rowsOf(recorded('input_ids'));
      mask = has('attention_mask') ? recorded('attention_mask') : null;
    });
    afterAll(() => model.dispose());

    const forward = (ids = prompts, outputHiddenStates = false) => {
      const { embeddings, forwardExtras } = model.embedInputs({
        ids,
        images,
        crossAttentionMask: numbers('cross_attention_mask'),
      });
      return model.forward({
        embeddings,
        ...forwardExtras,
        mask: mask === null ? null : integers(mask),
        outputHiddenStates,
      });
    };

    it('gives the logits and the hidden states', () => {
      tf.tidy(() => {
        const { hidden, hiddenStates } = forward(prompts, true);
        const { width, layers } = model.dimensions;
        expect(hiddenStates).toHaveLength(layers + 1);
        for (const [layer, states] of hiddenStates!.entries()) {
          const tensor = has(`hidden_states.${layer}`)
            ? `hidden_states.${layer}`
            : layer === layers && has('last_hidden_state')
              ? 'last_hidden_state'
              : null;
          if (tensor !== null)
            expect(largestDifference(states.dataSync(), recorded(tensor).values, shown(width)), tensor).toBeLessThan(
              1e-4,
            );
        }
        const logits = model.logits(hidden);
        expect(
          largestDifference(logits.dataSync(), recorded('logits').values, shown(logits.shape[2] as number)),
        ).toBeLessThan(1e-4);
      });
    });

    it('writes the same greedy tokens with a cache and without, leaving no tensor behind', async () => {
      const whole = rowsOf(recorded('greedy'));
      const time = prompts[0]!.length;
      const before = tf.memory().numTensors;
      const { embeddings, forwardExtras } = tidied(() => model.embedInputs({ ids: prompts, images }));
      const { ids } = await generate({
        model,
        inputs: { embeddings, forwardExtras, mask: mask === null ? null : rowsOf(mask) },
        maxNewTokens: whole[0]!.length - time,
      });
      expect(ids).toEqual(whole.map((row) => row.slice(time)));
      tf.dispose([embeddings, forwardExtras.crossAttention?.states ?? []]);
      expect(tf.memory().numTensors).toBe(before);
      if (mask !== null) return;
      let texts = prompts;
      for (let step = 0; step < 3; step++) {
        const next = tf.tidy(() => {
          const again = model.embedInputs({ ids: texts, images });
          const { hidden } = model.forward({ embeddings: again.embeddings, ...again.forwardExtras });
          return [
            ...model
              .logits(hidden)
              .slice([0, texts[0]!.length - 1, 0], [-1, 1, -1])
              .argMax(-1)
              .dataSync(),
          ];
        });
        texts = texts.map((row, index) => [...row, next[index]!]);
      }
      expect(texts).toEqual(whole.map((row) => row.slice(0, time + 3)));
    });

    it.skipIf(!name.includes('mllama'))('builds the cross-attention mask that transformers builds', () => {
      tf.tidy(() => {
        const { mask: built } = model.embedInputs({ ids: prompts, images }).forwardExtras.crossAttention!;
        expect(built!.shape).toEqual(recorded('cross_attention_mask').shape);
        expect([...built!.data]).toEqual([...recorded('cross_attention_mask').values]);
      });
    });

    it.skipIf(name.startsWith('golden'))('passes the same gradients back, into the vision encoder too', () => {
      const { value, gradients } = valueAndGradients({
        parameters: model.parameters,
        compute: () => {
          const { hidden } = forward();
          const labels = prompts.map((row, index) =>
            row.map((id, position) =>
              id === model.imageTokenId || !shown(1)(index * row.length + position) ? -100 : id,
            ),
          );
          const { sum, count } = nextTokenLoss({ model, hidden, labels });
          return tf.div(sum, count);
        },
      });
      const tensors = names().filter((tensor) => tensor.startsWith('grad.'));
      expect(tensors.length).toBeGreaterThan(0);
      for (const tensor of tensors) {
        const reference = recorded(tensor).values;
        const scale = reference.reduce((largest, element) => Math.max(largest, Math.abs(element)), 0);
        const gradient = gradients[tensor.slice('grad.'.length)];
        expect(gradient, tensor).toBeDefined();
        expect(largestDifference(gradient!.dataSync(), reference) / scale, tensor).toBeLessThan(1e-3);
      }
      tf.dispose([value, ...Object.values(gradients)]);
    });
  });
});
