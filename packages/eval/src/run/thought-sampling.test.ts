import { useEngine } from '@subtext/tensor';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { toyExamples, trainToyReasoner } from '../../test/toy-reasoner';
import { measureDrawnThoughts } from '../experiment/drawn-thoughts';
import { formatTask } from '../tasks/format-task';
import { loadTask, type LoadedTask } from '../tasks/registry';
import { openModel, type OpenedModel } from './open-model';
import { parseThoughtSampling } from './thought-sampling';

describe('how thoughts are drawn', () => {
  it('is read from a command line', () => {
    expect(parseThoughtSampling('tokens=3')).toEqual({ kind: 'tokens', count: 3 });
    expect(parseThoughtSampling('deviation=0.25')).toEqual({ kind: 'gaussian', deviation: 0.25 });
    expect(parseThoughtSampling('latent-head=1')).toEqual({ kind: 'latent-head', temperature: 1 });
    const wrong = ['tokens=0', 'tokens=1.5', 'tokens=65', 'deviation=0', 'deviation=1.2.3', 'tokens', '3', 'tokens=-1'];
    for (const text of wrong) expect(() => parseThoughtSampling(text)).toThrow(/tokens=K.*got/);
  });
});

describe('a reasoner whose thoughts are drawn', () => {
  let folder: string;
  let loaded: LoadedTask;
  let model: OpenedModel;
  beforeAll(async () => {
    await useEngine({ engine: 'wasm' });
    folder = await mkdtemp(join(tmpdir(), 'subtext-drawn-'));
    const path = join(folder, 'questions.json');
    const examples = toyExamples({ count: 6 });
    await writeFile(
      path,
      JSON.stringify(examples.map(({ question, steps, answer }) => ({ question, steps: [steps[0]!.text], answer }))),
    );
    loaded = await loadTask({ task: formatTask({ format: 'coconut-json', score: 'exact' }), path });
    for (const method of [{ name: 'coconut', hiddenSteps: 1, thoughtsPerStep: 3 }, { name: 'heima' }] as const) {
      const reasoner = trainToyReasoner({ method, steps: 1 });
      await reasoner.save({ folder: join(folder, method.name) });
      reasoner.dispose();
    }
    model = await openModel({ folder: join(folder, 'coconut'), loaded: [loaded] });
  });
  afterAll(async () => {
    model.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  const outputs = async ({ seed, side }: { seed: number; side: number }) => {
    const answering = model.answering({ thoughts: { kind: 'gaussian', deviation: 30 }, seed });
    const found: string[] = [];
    for (let first = 0; first < loaded.examples.length; first += side) {
      const examples = loaded.examples.slice(first, first + side);
      const answers = await answering.answer({ examples, prompts: examples.map(({ question }) => question) });
      found.push(...answers.map(({ output }) => output));
    }
    return found;
  };

  it('answers by the seed, whatever is asked beside', async () => {
    const one = await outputs({ seed: 1, side: 6 });
    expect(await outputs({ seed: 1, side: 2 })).toEqual(one);
    expect(await outputs({ seed: 2, side: 6 })).not.toEqual(one);
  });

  it('has a score over all draws', async () => {
    const thoughts = { kind: 'gaussian', deviation: 0.1 } as const;
    const rounds: number[] = [];
    const score = await measureDrawnThoughts({
      model,
      thoughts,
      seeds: [1, 2],
      metric: 'exact_match',
      onProgress: ({ done }) => rounds.push(done),
    });
    expect(rounds).toEqual([0, 1]);
    expect(score).toBeGreaterThanOrEqual(0);
    expect(score).toBeLessThanOrEqual(1);
  });

  it('is refused where there is nothing to draw, and beside steering', async () => {
    const heima = await openModel({ folder: join(folder, 'heima'), loaded: [loaded] });
    expect(() => heima.answering({ thoughts: { kind: 'gaussian', deviation: 0.1 } })).toThrow(
      /"heima" has no continuous thoughts/,
    );
    heima.dispose();
    const direction = { stage: 'step_1', thoughts: [], source: 'none' };
    expect(() =>
      model.answering({ thoughts: { kind: 'gaussian', deviation: 0.1 }, steering: { direction } as never }),
    ).toThrow(/neither they nor what comes after them is drawn/);
  });
});
