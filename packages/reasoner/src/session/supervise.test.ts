import { loadModel, type LanguageModel } from '@subtext/model';
import { tf, useEngine } from '@subtext/tensor';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { ThoughtPosition } from '../methods/reasoning-method';
import { Session } from './session';
import { type Intervention, onProbe, onReturn, onToken, Supervisor } from './supervise';
import { thinkInPrompt } from './think-in-prompt';

const modelFolder = fileURLToPath(new URL('../../../model/fixtures/golden/gpt2/', import.meta.url));
const prompts = [
  [5, 9, 17],
  [8, 3, 40],
];

let model: LanguageModel;
let width: number;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  model = await loadModel({ folder: modelFolder });
  width = model.dimensions.width;
});
afterAll(() => model.dispose());

/** A vector that no token has. */
const vector = (scale = 1) => Float32Array.from({ length: width }, (_, index) => scale * Math.sin(index + 1));

/** Opens a session on the prompts. The caller disposes both. */
function open(rows: readonly number[][] = prompts) {
  const session = new Session({ model, batch: rows.length, capacity: 32 });
  const from = tf.tidy(() =>
    session.feed({ embeddings: model.embed(tf.tensor2d(rows as number[][], undefined, 'int32')), outputPositions: 1 }),
  );
  return { session, from };
}

/** What a supervisor lets the model write. */
async function written(
  interventions: readonly Intervention[],
  options: { rows?: number[][]; stopIds?: number[] } = {},
) {
  const { session, from } = open(options.rows);
  const supervisor = new Supervisor({ interventions });
  const rows = await supervisor.write({ session, from, maxInputs: 6, stopIds: options.stopIds });
  session.dispose();
  from.dispose();
  return { rows, events: supervisor.events };
}

describe('supervising what is written', () => {
  it('writes what the model writes by itself where no condition holds', async () => {
    const { session, from } = open();
    const { ids } = await session.write({
      inputs: { embeddings: tf.tidy(() => model.embed(tf.tensor2d([[1], [1]], undefined, 'int32'))) },
      maxNewTokens: 5,
    });
    session.dispose();
    from.dispose();
    const supervised = await written([{ name: 'never', when: () => false, then: () => 0 }], {
      rows: prompts.map((prompt) => [...prompt, 1]),
    });
    expect(supervised.rows.map((row) => row.slice(0, 5))).toEqual(ids);
    expect(supervised.events).toEqual([]);
  });

  it('injects a thought behind a token, once a row, and goes on from the state behind it', async () => {
    const before = await written([]);
    const first = before.rows[0]![1] as number;
    const place = before.rows[0]!.indexOf(first) + 1;
    const { rows, events } = await written([
      { name: 'note', when: onToken({ ids: [first] }), then: () => vector(), as: 'inject' },
    ]);
    expect(rows[0]!.slice(0, place)).toEqual(before.rows[0]!.slice(0, place));
    expect(rows[0]![place]).toEqual(vector());
    const step = { intervention: 'note', row: 0, step: place, as: 'inject' };
    expect(events.filter(({ row }) => row === 0)).toEqual([step]);
    // The same sequence, fed by hand.
    const { session, from } = open();
    const inputs = rows.map((row) => row.slice(0, place + 1));
    const { states } = await session.run({
      from,
      nextInput: ({ step }) => inputs.map((row) => row[step] ?? null),
    });
    const next = tf.tidy(() => tf.argMax(model.logits(tf.squeeze(states.at(-1)!, [1]) as tf.Tensor2D), 1).dataSync());
    expect(rows[0]![place + 1]).toBe(next[0]);
    tf.dispose([...states, from]);
    session.dispose();
  });

  it('changes what is fed where a probe fires, and leaves the other row alone', async () => {
    const before = await written([]);
    const score = (hidden: Float32Array) => hidden[0]!;
    const { session, from } = open();
    const scores = tf.tidy(() =>
      Array.from((from.dataSync() as Float32Array).filter((_, index) => index % width === 0)),
    );
    session.dispose();
    from.dispose();
    const higher = scores[0]! > scores[1]! ? 0 : 1;
    const { rows, events } = await written([
      { name: 'probe', when: onProbe({ score, atLeast: Math.max(...scores) }), then: () => vector(), times: 1 },
    ]);
    expect(events[0]).toEqual({ intervention: 'probe', row: higher, step: 0, as: 'change' });
    expect(rows[higher]![0]).toEqual(vector());
    if (events.every(({ row }) => row === higher)) expect(rows[1 - higher]).toEqual(before.rows[1 - higher]);
  });

  it('ends a row at a stop token and leaves no tensor behind', async () => {
    const before = await written([]);
    const stop = before.rows[1]![2] as number;
    const tensors = tf.memory().numTensors;
    const { rows } = await written([], { stopIds: [stop] });
    expect(tf.memory().numTensors).toBe(tensors);
    expect(rows[1]!.at(-1)).toBe(stop);
    expect(rows[1]!.length).toBe((before.rows[1] as number[]).indexOf(stop) + 1);
  });

  it('hears of a call that returns while the model thinks', async () => {
    const condition = onReturn({ call: new Promise((resolve) => setTimeout(resolve, 5)) });
    let asked = 0;
    const { events } = await written([
      { name: 'tool', when: async (moment) => (asked++, (await condition(moment)) || asked > 1000), then: () => 7 },
    ]);
    const failed = onReturn({ call: Promise.reject(new Error('no answer')) });
    expect(await failed({} as never)).toBe(true);
    expect(asked).toBeGreaterThan(1);
    expect(events.length).toBeLessThanOrEqual(asked);
  });
});

describe('supervising thoughts of a prompt', () => {
  const latent = 300;
  async function think(interventions: readonly Intervention[]) {
    const rows = prompts.map((prompt) => [...prompt, latent, latent, 2]);
    const embeddings = tf.tidy(() => model.embed(tf.tensor2d(rows, undefined, 'int32')));
    const thoughts = rows.map((row) =>
      row.flatMap((id, position): ThoughtPosition[] =>
        id === latent ? [{ stage: 'step_1', index: position - 3, position, kind: 'continuous' }] : [],
      ),
    );
    const supervisor = new Supervisor({ interventions });
    const thought = await thinkInPrompt({
      model,
      prompts: { embeddings, mask: null, forwardExtras: {}, ids: rows, thoughts },
      reading: 'before',
      room: 4,
      nextInput: supervisor.nextThought,
    });
    const { ids, states } = await thought.session.write({ inputs: thought.rest, maxNewTokens: 4, outputStates: true });
    const found = thought.thoughts(states!.map(([first]) => first!));
    thought.session.dispose();
    tf.dispose([embeddings, thought.rest.embeddings]);
    return { ids, thoughts: found, events: supervisor.events };
  }

  it('changes the second thought of one row; its first and the other row stay as they were', async () => {
    const before = await think([]);
    const after = await think([
      { name: 'swap', when: ({ row, thought }) => row === 1 && thought?.index === 1, then: () => vector(5) },
    ]);
    expect(after.events).toEqual([
      { intervention: 'swap', row: 1, step: 1, thought: { stage: 'step_1', index: 1 }, as: 'change' },
    ]);
    expect(after.thoughts[1]![1]!.input).toEqual(vector(5));
    expect(after.thoughts[1]![0]!.input).toEqual(before.thoughts[1]![0]!.input);
    expect(after.ids[0]).toEqual(before.ids[0]);
  });

  it('refuses what cannot be fed, by the name of the intervention', async () => {
    const always = () => true;
    await expect(think([{ name: 'short', when: always, then: () => new Float32Array(3) }])).rejects.toThrow(
      /"short" gives a vector of 3 numbers/,
    );
    await expect(think([{ name: 'odd', when: always, then: () => vector().fill(NaN) }])).rejects.toThrow(
      /"odd" gives a vector with a number that is not finite/,
    );
    await expect(think([{ name: 'id', when: always, then: () => -1 }])).rejects.toThrow(/"id" gives -1/);
    await expect(think([{ name: 'in', when: always, then: () => vector(), as: 'inject' }])).rejects.toThrow(
      /injects a thought into a prompt/,
    );
    const twice = { name: 'twice', when: always, then: () => 1 };
    expect(() => new Supervisor({ interventions: [twice, twice] })).toThrow(/two interventions "twice"/);
    expect(() => new Supervisor({ interventions: [{ ...twice, times: 0 }] })).toThrow(/happens 0 times/);
  });
});
