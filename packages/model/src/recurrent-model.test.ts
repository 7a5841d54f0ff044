import { tf, useEngine, valueAndGradients } from '@subtext/tensor';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createModel } from './create-model';
import { loadModel } from './load-model';
import { type RecurrentInput, RecurrentModel } from './recurrent-model';
import { saveModel } from './saving/save-model';

const config = {
  model_type: 'subtext_recurrent',
  vocab_size: 11,
  hidden_size: 8,
  intermediate_size: 16,
  num_attention_heads: 2,
  num_prelude_layers: 1,
  num_core_layers: 2,
  num_coda_layers: 1,
  num_recurrences: 3,
  max_position_embeddings: 6,
  initializer_range: 0.4,
};
const made = (changes: Record<string, unknown> = {}) =>
  createModel({ config: { ...config, ...changes }, seed: 5 }) as RecurrentModel;

function distance(one: tf.Tensor, other: tf.Tensor): number {
  return tf.tidy(() => tf.max(tf.abs(tf.sub(one, other))).dataSync()[0]!);
}

let model: RecurrentModel;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  model = made();
});
afterAll(() => model.dispose());

const ids = (rows: number[][]) => tf.tensor2d(rows, undefined, 'int32');

it('is the same layers one after another: unrolled by hand, with the input added each time', () => {
  tf.tidy(() => {
    const embeddings = model.embed(ids([[1, 2, 3, 4]]));
    const { hidden, hiddenStates } = model.forward({ embeddings, outputHiddenStates: true });
    const value = (name: string) => model.parameters.get(name) as tf.Tensor;
    const input = model.read({ embeddings });
    // B · prelude(x), from the states that are told.
    const read = tf.matMul(tf.reshape(hiddenStates![1]!, [4, 8]), value('model.adapter.input.weight'), false, true);
    expect(distance(tf.reshape(input.injected, [4, 8]), read)).toBeLessThan(1e-5);
    let state = model.initialState({ batch: 1, time: 4 });
    expect(distance(tf.reshape(tf.slice(state, [0, 2, 0], [1, 1, 8]), [8]), value('model.initial_state'))).toBe(0);
    for (let step = 0; step < 3; step++) state = model.recur({ state, input });
    expect(distance(model.readOut({ state, input }), hidden)).toBeLessThan(1e-6);
    // The input, a layer of the prelude, three states less the last, the state in the coda's place.
    expect(hiddenStates).toHaveLength(1 + 1 + 2 + 1 + 1);
    expect(hiddenStates!.at(-1)).toBe(hidden);
  });
});

it('shares its layers over the recurrences: as many parameters, another answer', () => {
  const more = made({ num_recurrences: 9 });
  expect(more.parameters.elementCount).toBe(model.parameters.elementCount);
  tf.tidy(() => {
    const of = (one: RecurrentModel) => one.forward({ embeddings: one.embed(ids([[1, 2, 3]])) }).hidden;
    expect(distance(of(more), of(model))).toBeGreaterThan(1e-3);
  });
  more.dispose();
});

it('lets every position see every other, and none see what a mask hides', () => {
  tf.tidy(() => {
    const run = (row: number[], mask: number[] | null = null) =>
      model.forward({
        embeddings: model.embed(ids([row])),
        ...(mask && { mask: tf.tensor2d([mask], undefined, 'int32') }),
      }).hidden;
    const first = (hidden: tf.Tensor3D, count: number) => tf.slice(hidden, [0, 0, 0], [1, count, 8]);
    expect(distance(first(run([1, 2, 3]), 1), first(run([1, 2, 4]), 1))).toBeGreaterThan(1e-3);
    expect(distance(first(run([1, 2, 3, 9, 9], [1, 1, 1, 0, 0]), 3), run([1, 2, 3]))).toBeLessThan(1e-5);
  });
});

it('has the gradient of finite differences, through several recurrences', () => {
  const loss = () =>
    tf.tidy(() =>
      tf.sum(tf.square(model.logits(model.forward({ embeddings: model.embed(ids([[1, 5, 2]])) }).hidden))),
    ) as tf.Scalar;
  const { value, gradients } = valueAndGradients({ compute: loss, parameters: model.parameters });
  for (const name of [
    'model.initial_state',
    'model.adapter.state.weight',
    'model.adapter.input.weight',
    'model.core.1.mlp.down_proj.weight',
    'model.prelude.0.self_attn.q_proj.weight',
    'model.embed_positions.weight',
    'model.core_norm.weight',
  ]) {
    const variable = model.parameters.get(name);
    const before = variable.dataSync().slice() as Float32Array;
    const gradient = gradients[name]!.dataSync();
    for (const place of [0, Math.floor(before.length / 3)]) {
      const step = 1e-2;
      const [above, below] = [step, -step].map((change) => {
        const moved = before.slice();
        moved[place]! += change;
        variable.assign(tf.tensor(moved, variable.shape));
        return loss().dataSync()[0]!;
      });
      const expected = (above! - below!) / (2 * step);
      expect(Math.abs(gradient[place]! - expected), `${name}[${place}]`).toBeLessThan(
        2e-2 * Math.max(1, Math.abs(expected)),
      );
    }
    variable.assign(tf.tensor(before, variable.shape));
  }
  tf.dispose([value, gradients]);
});

describe('a folder', () => {
  it('is saved and loaded, and refused where its weights are of another shape', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'recurrent-'));
    await saveModel({ model, folder });
    const loaded = (await loadModel({ folder })) as RecurrentModel;
    expect(loaded).toBeInstanceOf(RecurrentModel);
    tf.tidy(() => {
      const of = (one: RecurrentModel) => one.forward({ embeddings: one.embed(ids([[3, 1, 4]])) }).hidden;
      expect(distance(of(loaded), of(model))).toBe(0);
    });
    loaded.dispose();
    const path = join(folder, 'config.json');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('"hidden_size": 8', '"hidden_size": 12'));
    await expect(loadModel({ folder })).rejects.toThrow(/\[/);
    await writeFile(path, text.replace('"num_core_layers": 2', '"num_core_layers": 3'));
    await expect(loadModel({ folder })).rejects.toThrow(/model\.core\.2/);
    await rm(folder, { recursive: true });
  });

  it('is refused without a core, or with a recurrence that is none', () => {
    expect(() => made({ num_core_layers: 0 })).toThrow(/num_core_layers/);
    expect(() => made({ num_recurrences: 0 })).toThrow(/num_recurrences/);
    expect(() => made({ num_attention_heads: 3 })).toThrow(/3 num_attention_heads cannot share a hidden_size of 8/);
  });
});

it('refuses caches, attention weights, and positions beyond its own', () => {
  expect(() => model.newCache()).toThrow(/has no KV cache/);
  expect(() => model.newGrowingCache()).toThrow(/has no KV cache/);
  tf.tidy(() => {
    const embeddings = model.embed(ids([[1, 2]]));
    expect(() => model.forward({ embeddings, outputAttentions: true })).toThrow(
      /supports neither a visibility mask nor attention weights/,
    );
    expect(() => model.forward({ embeddings: model.embed(ids([[1, 2, 3, 4, 5, 6, 7]])) })).toThrow(
      /beyond the 6 learned positions/,
    );
    const input: RecurrentInput = model.read({ embeddings });
    expect(input.mask).toBeNull();
  });
});
