import { imageFile, type ReasoningExample } from '@subtext/data';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { trainConfiguration, type TrainConfiguration } from '../configuration/schema';
import { fingerprintOf } from './fingerprint';
import { configurationText, differencesFrom, withoutSecrets } from './saved-configuration';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-fingerprint-'));
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
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

const given = (changes: object = {}): TrainConfiguration =>
  ({
    ...trainConfiguration.parse({
      output: 'run',
      data: { train: 'x.jsonl' },
      model: { from: join(folder, 'base') },
      method: { name: 'cot' },
      ...changes,
    }),
    stages: [],
  }) as TrainConfiguration;
const examples = (): ReasoningExample[] => [
  { id: '1', question: 'q', image: imageFile(join(folder, 'picture.png')), steps: [], answer: 'a' },
];
const of = async (configuration = given()) => fingerprintOf({ configuration, examples: examples() });

describe('the fingerprint of a run', () => {
  it.each([
    ['base/config.json', 'model.from: config.json'],
    ['base/tokenizer.json', 'model.from: tokenizer.json'],
    ['base/tokenizer_config.json', 'model.from: tokenizer_config.json'],
    ['base/preprocessor_config.json', 'model.from: preprocessor_config.json'],
    ['base/merges.txt', 'model.from: merges.txt'],
    ['base/model.safetensors', 'model.from: model.safetensors'],
    ['beneath/model.safetensors', 'model.from: base model/model.safetensors'],
    ['picture.png', 'pictures'],
  ])('changes with the content of %s, and says so', async (file, part) => {
    const before = await of();
    await writeFile(join(folder, file), file.endsWith('.png') ? 'b picture' : '{"name":"other"}');
    const after = await of();
    expect(after.fingerprint).not.toBe(before.fingerprint);
    expect(Object.keys(after.parts).filter((name) => after.parts[name] !== before.parts[name])).toEqual([part]);
  });

  it('changes with what decides, not with where, how fast and how often', async () => {
    const { fingerprint } = await of();
    for (const changes of [
      { output: 'elsewhere' },
      { workers: 7 },
      { engine: 'cpu' },
      { logs: { tensorboard: true } },
      { training: { checkpointSteps: 3, keepCheckpoints: 9, checkpointSeconds: 1 } },
    ])
      expect((await of(given(changes))).fingerprint).toBe(fingerprint);
    for (const changes of [
      { seed: 9 },
      { training: { learningRate: 1 } },
      { method: { name: 'no-cot' } },
      { data: { train: 'x.jsonl', limit: 3 } },
    ])
      expect((await of(given(changes))).fingerprint).not.toBe(fingerprint);
  });

  it('takes no pipe for a file of a model', async () => {
    const { execFileSync } = await import('node:child_process');
    execFileSync('mkfifo', [join(folder, 'base', 'special_tokens_map.json')]);
    await expect(of()).rejects.toMatchObject({ code: 'not-a-file' });
  });
});

describe('the configuration that is kept', () => {
  it('names what is not the same, by key and value', async () => {
    await writeFile(join(folder, 'configuration.json'), configurationText(given({ seed: 5, workers: 1 })));
    expect(
      await differencesFrom({
        configuration: given({ seed: 6, workers: 2 }),
        folder,
        parts: ['configuration', 'pictures'],
      }),
    ).toEqual(['seed is 6, was 5', 'pictures has changed']);
  });

  it('holds no secret: neither the options of loggers nor passwords in addresses', () => {
    const text = JSON.stringify(
      withoutSecrets(
        given({
          logs: { modules: [{ path: 'l.mjs', options: { token: 'hidden-1', deep: { list: ['hidden-2'] } } }] },
          data: { train: 'https://me:hidden-3@host/x.jsonl' },
        }),
      ),
    );
    expect(text).not.toContain('hidden');
    expect(text).toContain('"token":"***"');
    expect(text).toContain('l.mjs');
  });
});
