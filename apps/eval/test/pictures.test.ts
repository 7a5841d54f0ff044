import { generateScenes } from '@subtext/data';
import { createModel, saveModel } from '@subtext/model';
import { useEngine } from '@subtext/tensor';
import { trainWordLevelTokenizer } from '@subtext/tokenizer';
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const command = fileURLToPath(new URL('../bin/subtext-eval.js', import.meta.url));

let folder: string;
const picture = (index: number) => join(folder, 'data', 'images', 'test', `00000${index}.png`);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-pictures-'));
  await useEngine({ engine: 'wasm' });
  const tokenizer = trainWordLevelTokenizer({
    texts: ['Question: what is red ? Answer: 1 2 3'],
    specialTokens: ['<image>'],
  });
  const model = createModel({
    config: {
      model_type: 'llava',
      image_token_index: tokenizer.idOf('<image>'),
      vision_feature_layer: -1,
      vision_feature_select_strategy: 'default',
      vision_config: {
        model_type: 'clip_vision_model',
        hidden_size: 8,
        intermediate_size: 16,
        num_hidden_layers: 1,
        num_attention_heads: 2,
        image_size: 8,
        patch_size: 4,
      },
      text_config: {
        model_type: 'llama',
        hidden_size: 16,
        intermediate_size: 24,
        num_hidden_layers: 1,
        num_attention_heads: 2,
        max_position_embeddings: 256,
        initializer_range: 0.5,
        vocab_size: tokenizer.vocabularySize,
      },
    },
    seed: 1,
  });
  await saveModel({ model, folder: join(folder, 'model') });
  model.dispose();
  await tokenizer.save({ folder: join(folder, 'model') });
  await writeFile(
    join(folder, 'model', 'preprocessor_config.json'),
    JSON.stringify({
      image_processor_type: 'CLIPImageProcessor',
      size: { height: 8, width: 8 },
      do_center_crop: false,
    }),
  );
  await generateScenes({
    folder: join(folder, 'data'),
    seed: 1,
    count: { train: 4, validation: 4, test: 4 },
    base: false,
  });
}, 120_000);
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function run(output: string, ...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [
        command,
        'run',
        '--model',
        join(folder, 'model'),
        '--task',
        'scenes',
        '--data',
        join(folder, 'data'),
        '--engine',
        'wasm',
        '--max-tokens',
        '2',
        '--output',
        join(folder, output),
        ...words,
      ],
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

it('counts a broken picture as one failed sample, in the results and in the report, at every start', async () => {
  const whole = await readFile(picture(1));
  for (const [name, bytes] of [
    ['empty', Buffer.alloc(0)],
    ['torn', whole.subarray(0, 60)],
    ['misnamed', Buffer.from('BM, no picture of any kind')],
  ] as const) {
    await writeFile(picture(1), bytes);
    for (const _ of ['first', 'second']) {
      const { code, stderr } = await run(name);
      expect([name, code, stderr]).toEqual([name, 0, '']);
    }
    const results = JSON.parse(
      await readFile(
        join(
          folder,
          name,
          (await readdir(join(folder, name))).find((file) => file.startsWith('results_'))!,
        ),
        'utf8',
      ),
    ) as { results: Record<string, Record<string, number>> };
    expect(results.results.scenes).toMatchObject({ 'failed,none': 1 });
    expect(await readFile(join(folder, name, 'report.html'), 'utf8')).toContain('not run: ');
  }
  await writeFile(picture(1), whole);
}, 120_000);

it('is not resumed with other pictures', async () => {
  expect((await run('resumed')).code).toBe(0);
  const kept = await readFile(picture(4));
  await copyFile(picture(2), picture(4));
  const refused = await run('resumed');
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/other data, pictures or version of scenes/);
  await writeFile(picture(4), kept);
  expect((await run('resumed')).code).toBe(0);
}, 120_000);
