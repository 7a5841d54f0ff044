import { generate, leftPad, loadModel, type LanguageModel } from '@subtext/model';
import { tf, useEngine } from '@subtext/tensor';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { collateLayouts } from '../batches/reasoner-batch';
import type { ThoughtPosition } from '../methods/reasoning-method';
import { continuousForward } from '../forward/continuous-forward';
import { Session } from './session';
import { type DecideThought, thinkInPrompt } from './think-in-prompt';

const recordedFile = fileURLToPath(new URL('../../fixtures/coconut-gpt2/case.json', import.meta.url));
const modelFolder = fileURLToPath(new URL('../../../model/fixtures/golden/gpt2/', import.meta.url));
const latent = 300;

interface Case {
  sequences: number[][];
  labels: number[][];
  generation: { prompt: number[]; output: number[] };
}

const thoughtsOf = (ids: readonly number[], kind: ThoughtPosition['kind'] = 'continuous'): ThoughtPosition[] =>
  ids.flatMap((id, position) => (id === latent ? [{ stage: 'step_1', index: 0, position, kind }] : []));

describe.each(['cpu', 'wasm'] as const)('thinking in the prompt on %s', (engine) => {
  let model: LanguageModel;
  let recorded: Case;
  let prompts: number[][];
  beforeAll(async () => {
    await useEngine({ engine });
    model = await loadModel({ folder: modelFolder });
    recorded = JSON.parse(await readFile(recordedFile, 'utf8')) as Case;
    prompts = recorded.sequences.map((ids, row) =>
      ids.slice(
        0,
        recorded.labels[row]!.findIndex((label) => label !== -100),
      ),
    );
  });
  afterAll(() => model.dispose());

  async function think(
    rows: readonly number[][],
    {
      kind,
      reading = 'before',
      nextInput,
    }: { kind?: ThoughtPosition['kind']; reading?: 'before' | 'at'; nextInput?: DecideThought } = {},
  ) {
    const { ids, mask, time } = leftPad({ prompts: rows });
    const embeddings = tf.tidy(() => model.embed(tf.tensor2d(ids, [rows.length, time], 'int32')));
    const thought = await thinkInPrompt({
      model,
      prompts: {
        embeddings,
        mask,
        forwardExtras: {},
        ids: rows,
        thoughts: rows.map((row) => thoughtsOf(row, kind)),
      },
      reading,
      room: 10,
      nextInput,
    });
    const { ids: generated, states } = await thought.session.write({
      inputs: thought.rest,
      maxNewTokens: 10,
      outputStates: true,
    });
    const thoughts = thought.thoughts(states!.map(([first]) => first!));
    thought.session.dispose();
    tf.dispose([embeddings, thought.rest.embeddings]);
    return { generated, thoughts, passes: thought.passes };
  }

  it('generates what the reference generates, greedily', async () => {
    const { prompt, output } = recorded.generation;
    expect((await think([prompt])).generated[0]).toEqual(output.slice(prompt.length));
  });

  it('answers rows with different questions and numbers of thoughts as it answers each alone', async () => {
    const together = await think(prompts);
    for (const [row, prompt] of prompts.entries()) {
      const alone =
        thoughtsOf(prompt).length > 0
          ? await think([prompt])
          : { generated: (await generate({ model, inputs: [prompt], maxNewTokens: 10 })).ids, thoughts: [[]] };
      expect(together.generated[row]).toEqual(alone.generated[0]);
      for (const [index, thought] of alone.thoughts[0]!.entries()) {
        const found = together.thoughts[row]![index]!;
        expect(found.position).toBe(thought.position);
        for (const [column, value] of found.hidden.entries())
          expect(Math.abs(value - thought.hidden[column]!)).toBeLessThan(1e-4);
      }
    }
  });

  it.each(['before', 'at'] as const)('reads each thought where training has it (%s)', async (reading) => {
    const { thoughts } = await think(prompts, { reading });
    const layouts = prompts.map((ids) => ({
      ids,
      labels: ids.map(() => -100),
      promptLength: ids.length,
      thoughts: thoughtsOf(ids),
    }));
    const batch = collateLayouts({ layouts, padId: 0, lossWeight: 1 });
    const states = tf.tidy(() =>
      continuousForward({ model, batch: { ...batch, continuous: batch.continuous! } })
        .states.dataSync()
        .slice(),
    );
    const { width } = model.dimensions;
    let compared = 0;
    for (const [row, prompt] of prompts.entries()) {
      for (const { position, hidden } of thoughts[row]!) {
        expect(prompt.at(position)).toBe(latent);
        const from = (row * batch.time + prompt.length + position - (reading === 'before' ? 1 : 0)) * width;
        for (const [column, value] of hidden.entries())
          expect(Math.abs(value - states[from + column]!)).toBeLessThan(1e-4);
        compared++;
      }
    }
    expect(compared).toBe(9);
  });

  it('leaves pauses as they are, and reads their states', async () => {
    const { generated, thoughts } = await think(prompts, { kind: 'token' });
    expect(generated).toEqual((await generate({ model, inputs: prompts, maxNewTokens: 10 })).ids);
    const prompt = prompts[0]!;
    const alone = tf.tidy(() =>
      model
        .forward({ embeddings: model.embed(tf.tensor2d([prompt], undefined, 'int32')) })
        .hidden.dataSync()
        .slice(),
    );
    const { position, hidden } = thoughts[0]![2]!;
    const { width } = model.dimensions;
    for (const [column, value] of hidden.entries())
      expect(Math.abs(value - alone[(prompt.length + position - 1) * width + column]!)).toBeLessThan(1e-4);
  });

  it('says what each thought was fed: the state before it, or the token', async () => {
    const [before, at, tokens] = [
      await think(prompts),
      await think(prompts, { reading: 'at' }),
      await think(prompts, { kind: 'token' }),
    ];
    for (const [row, thoughts] of before.thoughts.entries()) {
      expect(thoughts.map(({ input }) => input)).toEqual(thoughts.map(({ hidden }) => hidden));
      expect(at.thoughts[row]!.map(({ input }) => input)).toEqual(thoughts.map(({ hidden }) => hidden));
      expect(tokens.thoughts[row]!.map(({ input }) => input)).toEqual(thoughts.map(() => latent));
    }
  });

  it('feeds what is decided in a thought’s place: the state itself, its token, or another vector', async () => {
    const plain = await think(prompts);
    const same = await think(prompts, { nextInput: ({ hidden }) => hidden });
    expect(same.generated).toEqual(plain.generated);
    // The token itself is what a pause is fed.
    const tokens = await think(prompts, { nextInput: () => latent });
    expect(tokens.generated).toEqual((await generate({ model, inputs: prompts, maxNewTokens: 10 })).ids);
    const { width, vocabularySize } = model.dimensions;
    const asked: string[] = [];
    const edited = await think(prompts, {
      async nextInput({ row, thought, hidden, logits }) {
        asked.push(`${row} ${thought.stage}`);
        expect([hidden.length, (await logits()).length]).toEqual([width, vocabularySize]);
        return new Float32Array(width).fill(0.5);
      },
    });
    expect(asked.sort()).toEqual(
      prompts.flatMap((prompt, row) => thoughtsOf(prompt).map(() => `${row} step_1`)).sort(),
    );
    for (const [row, thoughts] of edited.thoughts.entries()) {
      for (const { input } of thoughts) expect(input).toEqual(new Float32Array(width).fill(0.5));
      // The first is read before the edit; a later one shows it.
      if (thoughts.length > 1) expect(thoughts[1]!.hidden).not.toEqual(plain.thoughts[row]![1]!.hidden);
    }
  });

  it('runs any inputs that are decided, rows beside each other, as one sequence would', async () => {
    const [one, other] = [
      [3, 4],
      [5, 6],
    ] as const;
    const session = new Session({ model, batch: 2, capacity: 8 });
    const from = tf.tidy(() =>
      session.feed({ embeddings: model.embed(tf.tensor2d([[...one], [...other]], undefined, 'int32')) }),
    );
    const seven = tf.tidy(() =>
      model
        .embed(tf.tensor2d([[7]], undefined, 'int32'))
        .dataSync()
        .slice(),
    );
    const { inputs, states } = await session.run({
      from,
      nextInput: ({ step }) =>
        [
          [7, seven as Float32Array],
          [9, null],
          [null, null],
        ][step]!,
    });
    expect(inputs).toHaveLength(2);
    const alone = (ids: number[]) =>
      tf.tidy(() => {
        const { hidden } = model.forward({ embeddings: model.embed(tf.tensor2d([ids], undefined, 'int32')) });
        return [...tf.slice(hidden, [0, ids.length - 1, 0], [1, 1, -1]).dataSync()];
      });
    const { width } = model.dimensions;
    const found = (step: number, row: number) => [...states[step]!.dataSync().slice(row * width, (row + 1) * width)];
    for (const [got, expected] of [
      [found(0, 0), alone([3, 4])],
      [found(1, 1), alone([5, 6, 7])],
      [found(2, 0), alone([3, 4, 7, 9])],
    ] as const)
      expect(Math.max(...got.map((value, unit) => Math.abs(value - expected[unit]!)))).toBeLessThan(1e-4);
    tf.dispose([from, ...states]);
    session.dispose();
  });

  it('leaves no tensor behind', async () => {
    await think(prompts);
    const before = tf.memory().numTensors;
    await think(prompts);
    expect(tf.memory().numTensors).toBe(before);
  });
});
