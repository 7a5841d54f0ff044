import { leftPad, loadModel, type LanguageModel } from '@subtext/model';
import { tf, useEngine, valueAndGradients } from '@subtext/tensor';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { collateLayouts } from '../batches/reasoner-batch';
import { continuousForward } from '../forward/continuous-forward';
import type { ThoughtPosition } from '../methods/reasoning-method';
import { thinkInPrompt } from '../session/think-in-prompt';

const folder = fileURLToPath(new URL('../../../model/fixtures/families/', import.meta.url));
/** Stands where a thought is; no prompt has this token otherwise. */
const latent = 47;
const prompts = [
  [5, 9, 17, 30, 8, 21, latent, latent, 7, 12, 40],
  [11, 6, 33, latent, latent, 19],
];

const thoughtsOf = (ids: readonly number[]): ThoughtPosition[] =>
  ids.flatMap((id, position) => (id === latent ? [{ stage: 'step_1', index: 0, position, kind: 'continuous' }] : []));

describe.each(readdirSync(folder))('continuous thoughts of a %s', (name) => {
  let model: LanguageModel;
  beforeAll(async () => {
    await useEngine({ engine: 'wasm' });
    model = await loadModel({ folder: `${folder}${name}` });
  });
  afterAll(() => model.dispose());

  /** By definition: each thought is the last hidden state of a pass over all before it, without a cache. */
  function plainly(ids: readonly number[]): Float32Array {
    return tf.tidy(() => {
      const rows: tf.Tensor2D[] = [];
      const pass = () =>
        model.forward({ embeddings: tf.expandDims(tf.concat(rows, 0), 0) as tf.Tensor3D }).hidden.squeeze([0]);
      for (const id of ids) {
        if (id === latent) rows.push(pass().slice([rows.length - 1, 0], [1, -1]) as tf.Tensor2D);
        else rows.push(model.embed(tf.tensor2d([[id]], undefined, 'int32')).squeeze([0]) as tf.Tensor2D);
      }
      return pass().dataSync().slice() as Float32Array;
    });
  }

  it('are in a batch that trains, with gradients, what they are by definition', () => {
    const layouts = prompts.map((ids) => ({
      ids,
      labels: ids.map((id, position) => (position > 7 && id !== latent ? id : -100)),
      promptLength: 0,
      thoughts: thoughtsOf(ids),
    }));
    const batch = collateLayouts({ layouts, padId: 0, lossWeight: 1 });
    const { width } = model.dimensions;
    const { value, gradients } = valueAndGradients({
      parameters: model.parameters,
      compute: () => {
        const { states } = continuousForward({ model, batch: { ...batch, continuous: batch.continuous! } });
        const values = states.dataSync();
        for (const [row, ids] of prompts.entries()) {
          const expected = plainly(ids);
          const own = values.subarray(row * batch.time * width, (row * batch.time + ids.length) * width);
          const far = expected.reduce((largest, one, index) => Math.max(largest, Math.abs(one - own[index]!)), 0);
          expect(far).toBeLessThan(1e-4);
        }
        return tf.mean(tf.square(states)) as tf.Scalar;
      },
    });
    const reached = Object.values(gradients).filter((gradient) => gradient.abs().max().dataSync()[0]! > 0);
    expect(reached.length / Object.keys(gradients).length).toBeGreaterThan(0.9);
    tf.dispose([value, ...Object.values(gradients)]);
  });

  it('are the same when it thinks, side by side with another prompt, and it answers over them', async () => {
    const { ids, mask, time } = leftPad({ prompts: prompts.map((row) => row.map((id) => (id === latent ? 0 : id))) });
    const embeddings = tf.tidy(() => model.embed(tf.tensor2d(ids, [prompts.length, time], 'int32')));
    const thought = await thinkInPrompt({
      model,
      prompts: {
        embeddings,
        mask,
        forwardExtras: {},
        ids: prompts,
        thoughts: prompts.map(thoughtsOf),
      },
      reading: 'at',
      room: 4,
    });
    const { ids: answers, states } = await thought.session.write({
      inputs: thought.rest,
      maxNewTokens: 4,
      outputStates: true,
    });
    const thoughts = thought.thoughts(states!.map(([first]) => first!));
    const { width } = model.dimensions;
    for (const [row, prompt] of prompts.entries()) {
      const expected = plainly(prompt);
      expect(answers[row]).toHaveLength(4);
      expect(thoughts[row]).toHaveLength(2);
      for (const { position, hidden } of thoughts[row]!)
        for (const [column, one] of hidden.entries())
          expect(Math.abs(one - expected[(prompt.length + position) * width + column]!)).toBeLessThan(1e-4);
      for (const [column, one] of states![row]![0]!.entries())
        expect(Math.abs(one - expected[(prompt.length - 1) * width + column]!)).toBeLessThan(1e-4);
    }
    thought.session.dispose();
    tf.dispose([embeddings, thought.rest.embeddings]);
  });
});
