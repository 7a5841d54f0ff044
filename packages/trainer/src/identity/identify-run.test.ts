import { imageFile, type ReasoningExample } from '@subtext/data';
import { graphExample } from '@subtext/reasoner';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

import type { TrainRunOptions } from '../run/run-options';
import { identifyGraphRun, identifyRun } from './identify-run';
import { recordDifferences } from './record-differences';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-identity-'));
  await mkdir(join(folder, 'base'));
  await mkdir(join(folder, 'beneath'));
  for (const name of [
    'config.json',
    'tokenizer.json',
    'tokenizer_config.json',
    'preprocessor_config.json',
    'merges.txt',
    'model.safetensors',
  ])
    await writeFile(join(folder, 'base', name), `{"name":"${name}"}`);
  await writeFile(
    join(folder, 'base', 'adapter_config.json'),
    JSON.stringify({ base_model_name_or_path: join(folder, 'beneath') }),
  );
  await writeFile(join(folder, 'beneath', 'model.safetensors'), 'weights');
  await writeFile(join(folder, 'picture.png'), 'a picture');
  await writeFile(join(folder, 'module.mjs'), 'export {}');
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

const example = (question = 'q'): ReasoningExample => ({
  id: '1',
  question,
  image: imageFile(join(folder, 'picture.png')),
  steps: [],
  answer: 'a',
});
const of = async (changes: Partial<TrainRunOptions> = {}) =>
  identifyRun({
    options: {
      folder: join(folder, 'run'),
      examples: [example()],
      heldOut: [example('held out')],
      vocabulary: [example('words')],
      method: { name: 'cot' },
      model: { from: join(folder, 'base') },
      include: [join(folder, 'module.mjs')],
      ...changes,
    },
    stages: [],
  });
const changed = (before: Awaited<ReturnType<typeof of>>, after: typeof before) =>
  [...new Set([...Object.keys(before.parts), ...Object.keys(after.parts)])].filter(
    (name) => after.parts[name] !== before.parts[name],
  );

it.each([
  ['base/config.json', 'model: config.json'],
  ['base/tokenizer.json', 'model: tokenizer.json'],
  ['base/tokenizer_config.json', 'model: tokenizer_config.json'],
  ['base/preprocessor_config.json', 'model: preprocessor_config.json'],
  ['base/merges.txt', 'model: merges.txt'],
  ['base/model.safetensors', 'model: model.safetensors'],
  ['beneath/model.safetensors', 'model: base model/model.safetensors'],
  ['picture.png', 'pictures'],
  ['module.mjs', 'include: '],
])('changes with the content of %s, and says so', async (file, part) => {
  const before = await of();
  await writeFile(join(folder, file), file.endsWith('.png') ? 'b picture' : '{"name":"other"}');
  const after = await of();
  expect(after.fingerprint).not.toBe(before.fingerprint);
  expect(changed(before, after)).toEqual([part === 'include: ' ? `${part}${join(folder, 'module.mjs')}` : part]);
});

it('changes with what decides, not with where, how fast and how often', async () => {
  const before = await of();
  for (const changes of [
    { folder: 'elsewhere' },
    { workers: 7 },
    { overwrite: true },
    { training: { checkpointSteps: 3, keepCheckpoints: 9, checkpointSeconds: 1 } },
  ])
    expect((await of(changes)).fingerprint, JSON.stringify(changes)).toBe((await of({ training: {} })).fingerprint);
  for (const [changes, part] of [
    [{ seed: 9 }, 'settings'],
    [{ training: { learningRate: 1 } }, 'settings'],
    [{ method: { name: 'no-cot' } }, 'settings'],
    [{ interpreters: { weight: 2 } }, 'settings'],
    [{ visibility: 'answer' }, 'settings'],
    [{ reasoningFormat: 'lines' }, 'settings'],
    [{ examples: [example('another')] }, 'examples'],
    [{ heldOut: [example('another')] }, 'held-out examples'],
    [{ vocabulary: [example('another')] }, 'vocabulary'],
  ] as [Partial<TrainRunOptions>, string][])
    expect(changed(before, await of(changes))).toContain(part);
});

it('is the same wherever a model lies', async () => {
  const { fingerprint } = await of();
  const { rename } = await import('node:fs/promises');
  await rename(join(folder, 'base'), join(folder, 'moved'));
  expect((await of({ model: { from: join(folder, 'moved') } })).fingerprint).toBe(fingerprint);
});

it('takes no pipe for a file of a model', async () => {
  execFileSync('mkfifo', [join(folder, 'base', 'special_tokens_map.json')]);
  await expect(of()).rejects.toMatchObject({ code: 'not-a-file' });
});

it('of a run over graphs changes with its options and its graphs', () => {
  const graph = (target: number) =>
    graphExample({
      id: '1',
      facts: {
        kind: 'graph',
        symbols: ['a', 'b', 'c'],
        edges: [[0, 1]],
        root: 0,
        target,
        negativeTarget: 2,
        neighborsByHop: [],
      },
    });
  const graphs = (changes: object = {}) => identifyGraphRun({ folder: 'run', examples: [graph(1)], ...changes });
  const before = graphs();
  expect(graphs({ workers: 3, training: { keepCheckpoints: 9 } }).fingerprint).toBe(
    graphs({ training: {} }).fingerprint,
  );
  expect(changed(before, graphs({ seed: 2 }))).toEqual(['settings']);
  expect(changed(before, graphs({ examples: [graph(2)] }))).toEqual(['graphs']);
  expect(changed(before, graphs({ heldOut: [graph(2)] }))).toEqual(['held-out graphs']);
});

it('names the keys of the record that are not the same, with both values, and other parts', async () => {
  await writeFile(
    join(folder, 'configuration.json'),
    JSON.stringify({ seed: 5, workers: 1, data: { train: 'a', limit: 3 } }),
  );
  const record = { seed: 6, workers: 2, data: { train: 'b', limit: 3 } };
  const found = { folder, parts: ['settings', 'pictures'] };
  expect(await recordDifferences({ ...found, record, incidental: ['workers', 'data.train'] })).toEqual([
    'seed is 6, was 5',
    'pictures (other content)',
  ]);
});
