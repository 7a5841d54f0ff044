import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { subtext } from './run-command';

let folder: string;
const run = (...args: string[]) => subtext(args, { folder });
const weights = (output: string, model = '') =>
  readFileSync(join(folder, output, 'reasoner', model, 'model.safetensors')).toString('base64');

const tiny =
  '{ model_type: llama, hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 2, max_position_embeddings: 192, tie_word_embeddings: true }';
const configuration = `
output: whole
engine: wasm
workers: 0
data: { format: scenes, train: data/train.jsonl, images: false }
model: { new: ${tiny} }
method: { name: heima }
training: { batchSize: 4, shards: 1, text: { steps: 2 }, encode: { steps: 2 }, recover: { steps: 2 } }
`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-after-'));
  expect(await run('data', 'generate', 'scenes', 'data', '--train', '24', '--json')).toMatchObject({ code: 0 });
  await writeFile(join(folder, 'alone.yaml'), configuration);
  await writeFile(
    join(folder, 'after.yaml'),
    `${configuration}interpreters: { mode: after, model: { from: reasoner }, schedule: { steps: 40 } }\n`,
  );
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

it('interpreters trained after their reasoner leave its bytes as they are without them, and a run that was stopped among them ends at the bytes of an undisturbed one', async () => {
  const whole = await run('train', 'after.yaml', '--json');
  expect(whole).toMatchObject({ code: 0, stderr: '' });
  let asked = false;
  const stopped = await subtext(['train', 'after.yaml', 'output=again', '--json'], {
    folder,
    onOutput: (output, interrupt) => {
      if (asked || !output.includes('explain thoughts')) return;
      asked = true;
      interrupt();
    },
  });
  expect(stopped.code).toBe(130);
  expect(stopped.stdout).toMatch(/Stopped at step \d+ of the interpreters/);
  const resumed = await run('train', 'after.yaml', 'output=again', '--json');
  expect(resumed).toMatchObject({ code: 0 });
  expect(resumed.stdout).toMatch(/Resuming at step \d+ of 40/);
  expect(weights('again')).toBe(weights('whole'));
  expect(weights('again', 'interpreters/shared')).toBe(weights('whole', 'interpreters/shared'));
}, 60_000);

it("the reasoner's bytes are those of a run without interpreters", async () => {
  expect(await run('train', 'alone.yaml', 'output=alone', '--json')).toMatchObject({ code: 0 });
  expect(weights('alone')).toBe(weights('whole'));
}, 60_000);
