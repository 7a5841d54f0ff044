import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { subtext } from './run-command';

let folder: string;
const run = (...args: string[]) => subtext(args, { folder });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-text-'));
  const made = await run('data', 'generate', 'arithmetic', 'data', '--train', '24', '--test', '2', '--json');
  expect(made).toMatchObject({ code: 0, stderr: '' });
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

/** A model of a few thousand numbers on generated text, a step a phase: it learns nothing, but takes every path. */
async function train({ name, method }: { name: string; method: string }) {
  await writeFile(
    join(folder, `${name}.yaml`),
    `output: ${name}\nengine: wasm\nworkers: 0\nreasoningFormat: lines\ndata: { format: coconut-json, train: data/train.json }\nmodel: { new: { model_type: gpt2, n_embd: 16, n_layer: 1, n_head: 2, n_positions: 192 } }\nmethod: ${method}\ntraining: { batchSize: 4, text: { steps: 1 }, encode: { steps: 1 } }\n`,
  );
  return run('train', `${name}.yaml`, '--json');
}

describe('text data from scratch', () => {
  it.each([
    { name: 'coconut', method: '{ name: coconut, hiddenSteps: 2 }', thoughts: 2 },
    { name: 'codi', method: '{ name: codi, count: 2 }', thoughts: 2 },
    { name: 'sim-cot', method: '{ name: sim-cot, hiddenSteps: 2 }', thoughts: 2 },
  ])('trains $name and asks it', async ({ name, method, thoughts }) => {
    const trained = await train({ name, method });
    expect(trained).toMatchObject({ code: 0, stderr: '' });
    const settings = JSON.parse(await readFile(join(folder, name, 'reasoner', 'subtext.json'), 'utf8')) as {
      stages: string[];
    };
    expect(settings.stages.slice(0, 2)).toEqual(['step_1', 'step_2']);
    const asked = await run(
      'think',
      '--model',
      join(name, 'reasoner'),
      '--json',
      ...(name === 'sim-cot' ? ['--explain'] : []),
      'Sally has 63 stickers. How many stickers does Sally have now?',
    );
    expect(asked).toMatchObject({ code: 0, stderr: '' });
    expect(asked.events[0]).toMatchObject({ event: 'answer', tokens: { thinking: thoughts } });
  });
});
