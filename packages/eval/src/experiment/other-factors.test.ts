import { useEngine } from '@subtext/tensor';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { toyExamples, trainToyReasoner } from '../../test/toy-reasoner';
import { openModel, openReasoner } from '../run/open-model';
import { formatTask } from '../tasks/format-task';
import { loadTask, type LoadedTask } from '../tasks/registry';
import { measureFactors } from './other-factors';

let folder: string;
let loaded: LoadedTask;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  folder = await mkdtemp(join(tmpdir(), 'subtext-factors-'));
  const path = join(folder, 'questions.json');
  const examples = toyExamples({ count: 4 });
  await writeFile(
    path,
    JSON.stringify(examples.map(({ question, steps, answer }) => ({ question, steps: [steps[0]!.text], answer }))),
  );
  loaded = await loadTask({ task: formatTask({ format: 'coconut-json', score: 'exact' }), path });
  const reasoner = trainToyReasoner({ method: { name: 'colar', factors: [1, 2, 6], maximumTokens: 6 }, steps: 1 });
  await reasoner.save({ folder: join(folder, 'model') });
  reasoner.dispose();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('asks with each factor, the fewer thoughts the larger it is', async () => {
  const reasoner = await openReasoner({ folder: join(folder, 'model'), loaded: [loaded] });
  const asked = { reasoner, loaded, metric: 'exact_match' };
  const found = await measureFactors({ ...asked, factors: [1, 2, 6] });
  expect(found.map(({ factor }) => factor)).toEqual([1, 2, 6]);
  for (const { factor, thoughts } of found) expect(thoughts).toBeLessThanOrEqual(6 / factor);
  await expect(measureFactors({ ...asked, factors: [1, 3] })).rejects.toMatchObject({ code: 'untrained-factor' });
  reasoner.dispose();
});

it('evaluates with a factor, and refuses one that was not trained', async () => {
  const model = await openModel({ folder: join(folder, 'model'), loaded: [loaded] });
  const { examples } = loaded;
  const asked = { examples, prompts: examples.map(({ question }) => question) };
  const one = await model.answering({ factor: 6 }).answer(asked);
  expect(one).toEqual(await model.answering({}).answer(asked));
  for (const { thoughts } of one) expect(thoughts).toBeLessThanOrEqual(1);
  expect(() => model.answering({ factor: 5 })).toThrow(/5 was not trained/);
  expect(() => model.answering({ thoughts: { kind: 'tokens', count: 2 } })).toThrow(/latent head predicts/);
  const drawn = model.answering({ thoughts: { kind: 'latent-head', temperature: 1 }, seed: 1 });
  expect(await drawn.answer(asked)).toHaveLength(4);
  model.dispose();
});
