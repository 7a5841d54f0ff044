import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
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

it('blind ones are trained beside, as long, and change neither the reasoner nor those that read', async () => {
  expect(await run('train', 'after.yaml', 'output=blind', 'interpreters.blind=true', '--json')).toMatchObject({
    code: 0,
    stderr: '',
  });
  expect(weights('blind')).toBe(weights('whole'));
  expect(weights('blind', 'interpreters/shared')).toBe(weights('whole', 'interpreters/shared'));
  expect(weights('blind', 'blind-interpreters/shared')).not.toBe(weights('whole', 'interpreters/shared'));
  const stepsOf = (name: string) =>
    readFileSync(join(folder, 'blind', name, 'log.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { step: number }).step);
  expect(stepsOf('blind-interpreters').at(-1)).toBe(stepsOf('interpreters').at(-1));
  await writeFile(join(folder, 'joint.yaml'), `${configuration}interpreters: { model: { from: reasoner } }\n`);
  for (const blind of [false, true])
    expect(
      await run(
        'train',
        'joint.yaml',
        `output=joint-${blind}`,
        ...(blind ? ['interpreters.blind=true'] : []),
        '--json',
      ),
    ).toMatchObject({ code: 0, stderr: '' });
  for (const model of ['', 'interpreters/shared'])
    expect(weights('joint-true', model)).toBe(weights('joint-false', model));
  // Three stages hidden one after the other, and recovered: eight steps with thoughts.
  const log = readFileSync(join(folder, 'joint-true', 'blind-interpreters', 'log.jsonl'), 'utf8')
    .trim()
    .split('\n');
  expect((JSON.parse(log.at(-1)!) as { step: number }).step).toBe(8);
  const refused = await run('train', 'joint.yaml', 'output=x', 'interpreters.blind=true', 'interpreters.keep=false');
  expect(refused.stderr).toMatch(/interpreters\.blind: trains what the kept interpreters are held against/);
  const shards = await run(
    ...['train', 'joint.yaml', 'output=y', 'interpreters.blind=true', 'training.shards=4', '--json'],
  );
  expect(shards.stderr).toMatch(/4 examples a step in 4 shards leave one each/);
}, 120_000);

it("the reasoner's bytes are those of a run without interpreters", async () => {
  expect(await run('train', 'alone.yaml', 'output=alone', '--json')).toMatchObject({ code: 0 });
  expect(weights('alone')).toBe(weights('whole'));
}, 60_000);

it('an overwritten run deletes the interpreters of the one before, their log too, ends at the same bytes, and keeps what is its user’s', async () => {
  const at = (...path: string[]) => join(folder, 'once', ...path);
  expect(await run('train', 'after.yaml', 'output=once', 'interpreters.shared=false', '--json')).toMatchObject({
    code: 0,
    stderr: '',
  });
  expect(existsSync(at('reasoner', 'interpreters', 'summary', 'model.safetensors'))).toBe(true);
  for (const card of [['README.md'], ['interpreters', 'summary', 'README.md']])
    expect(readFileSync(at('reasoner', ...card), 'utf8')).toContain('library_name: "transformers"');
  await writeFile(at('interpreters', 'notes.txt'), 'mine');
  await writeFile(at('reasoner', 'README.md'), 'my own card');
  const refused = await run('train', 'after.yaml', 'output=once');
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/interpreters\.shared is true, was false.*--overwrite/s);
  expect(await run('train', 'after.yaml', 'output=once', '--overwrite', '--json')).toMatchObject({
    code: 0,
    stderr: '',
  });
  expect(existsSync(at('reasoner', 'interpreters', 'summary'))).toBe(false);
  expect(readFileSync(at('interpreters', 'notes.txt'), 'utf8')).toBe('mine');
  expect(readFileSync(at('reasoner', 'README.md'), 'utf8')).toBe('my own card');
  const steps = readFileSync(at('interpreters', 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { step: number }).step);
  expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b));
  expect(steps.at(-1)).toBe(40);
  expect(weights('once')).toBe(weights('whole'));
  expect(weights('once', 'interpreters/shared')).toBe(weights('whole', 'interpreters/shared'));
  // What was made so can be asked.
  const asked = await run(
    'think',
    'what is left of the red circle?',
    '--model',
    'once/reasoner',
    '--explain',
    '--json',
  );
  expect(asked.code).toBe(0);
}, 120_000);

it('a folder that interpreters cannot be trained in is told before the reasoner is trained, and nothing is deleted', async () => {
  await mkdir(join(folder, 'alone', 'interpreters'));
  await writeFile(join(folder, 'alone', 'interpreters', 'notes.txt'), 'mine');
  const { code, stderr } = await run('train', 'after.yaml', 'output=alone', '--overwrite');
  expect(code).toBe(1);
  expect(stderr).toMatch(/alone\/interpreters holds something else than a training run \(notes\.txt\)/);
  expect(weights('alone')).toBe(weights('whole'));
});
