import { describeEngines } from '@subtext/tensor';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { subtext } from './run-command';

const present = (await describeEngines()).some(({ name, loads }) => name === 'native' && loads);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-fewer-bits-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const text = {
  model_type: 'llama',
  hidden_size: 16,
  intermediate_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 2,
  max_position_embeddings: 192,
};

async function train(name: string, configuration: object) {
  const path = join(folder, `${name}.json`);
  await writeFile(
    path,
    JSON.stringify({
      engine: 'native',
      workers: 0,
      output: join(folder, name),
      data: {
        format: 'scenes',
        train: join(folder, 'data/train.jsonl'),
        validation: join(folder, 'data/validation.jsonl'),
        overlap: 'report',
        images: false,
      },
      method: { name: 'cot' },
      training: { batchSize: 4, shards: 1, text: { steps: 3 } },
      ...configuration,
    }),
  );
  return subtext(['train', path, '--json']);
}

describe.skipIf(!present)('weights in fewer bits', () => {
  it('are trained over by an adapter, asked and measured', async () => {
    const data = ['data', 'generate', 'scenes', join(folder, 'data'), '--train', '12', '--validation', '4', '--json'];
    expect((await subtext(data)).stderr).toBe('');
    expect((await train('first', { model: { new: text } })).code).toBe(0);
    const from = join(folder, 'first/reasoner');

    const refused = await train('refused', { model: { from, dtype: 'int4' } });
    expect(refused.code).not.toBe(0);
    expect(refused.stdout + refused.stderr).toMatch(
      /int4 \(model\.dtype\) do not train: give an adapter \(model\.lora\)/,
    );

    const trained = await train('second', { model: { from, dtype: 'int4', lora: { rank: 2 } } });
    expect(trained.stderr).toBe('');
    expect(trained.code).toBe(0);
    const config = JSON.parse(await readFile(join(folder, 'second/reasoner/config.json'), 'utf8')) as object;
    expect(config).toMatchObject({ torch_dtype: 'float32' });

    const model = join(folder, 'second/reasoner');
    const asked = await subtext(['think', 'What is red?', '--model', model, '--dtype', 'int8', '--json']);
    expect(asked.events.at(-1)).toMatchObject({ event: 'answer' });
    const written = await subtext([
      'generate',
      'red',
      '--model',
      model,
      '--dtype',
      'bf16',
      '--max-new-tokens',
      '2',
      '--json',
    ]);
    expect(written.code).toBe(0);

    const elsewhere = await subtext(['think', 'What is red?', '--model', model, '--dtype', 'int8', '--engine', 'wasm']);
    expect(elsewhere.code).not.toBe(0);
    expect(elsewhere.stderr).toMatch(/wasm cannot store weights as int8.*Use the engine native/);
  }, 120_000);
});
