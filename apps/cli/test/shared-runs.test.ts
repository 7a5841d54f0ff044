import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { mpirun, ranks } from './ranks';
import { subtext } from './run-command';

const base = `
output: never
engine: wasm
workers: 0
data: { format: coconut-json, train: data/train.json }
model:
  new: { model_type: llama, hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 2, max_position_embeddings: 192, tie_word_embeddings: true }
method: { name: no-cot }
training: { batchSize: 4, text: { steps: 3 } }
`;
const experiment = `
base: base.yaml
axes: { method.name: [no-cot, cot] }
seeds: [1, 2]
evaluation: { task: gsm8k-aug, data: data/test.json }
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-shared-runs-'));
  await writeFile(join(folder, 'base.yaml'), base);
  for (const name of ['alone', 'parts', 'ranks'])
    await writeFile(join(folder, `${name}.yaml`), `output: ${name}\n${experiment}`);
  const data = ['data', 'generate', 'modular-arithmetic', 'data', '--train', '24', '--test', '6', '--seed', '1'];
  expect((await subtext(data, { folder })).code).toBe(0);
  const { code, stderr } = await subtext(['experiment', 'alone.yaml', '--json'], { folder });
  expect(code, stderr).toBe(0);
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

/** An experiment's tables and models; not what it took. */
async function found(name: string): Promise<unknown> {
  const { runs, cells, comparisons } = JSON.parse(await readFile(join(folder, name, 'experiment.json'), 'utf8')) as {
    runs: { name: string; scores: string; fingerprint: string }[];
    cells: unknown;
    comparisons: unknown;
  };
  const models = runs.map(async (run) =>
    createHash('sha256')
      .update(await readFile(join(folder, name, run.name, 'reasoner', 'model.safetensors')))
      .digest('hex'),
  );
  return {
    scores: runs.map((run) => [run.name, run.scores]),
    models: await Promise.all(models),
    cells,
    comparisons,
  };
}

/** All files of a folder. */
async function contents(name: string): Promise<Record<string, string>> {
  const entries = await readdir(join(folder, name), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    await Promise.all(
      files.sort().map(async (file) => [file.slice(join(folder, name).length), await readFile(file, 'base64')]),
    ),
  );
}

// Each test starts the command several times.
const timeout = 300_000;

describe('an experiment in parts', { timeout }, () => {
  it('is carried out part by part, and put together by the command without --shard', async () => {
    for (const shard of ['2/2', '1/2']) {
      const { code, stderr } = await subtext(['experiment', 'parts.yaml', '--json', '--shard', shard], { folder });
      expect(code, stderr).toBe(0);
      const trained = (await readdir(join(folder, 'parts'))).filter((name) => /-\d$/.test(name)).sort();
      expect(trained).toEqual(shard === '2/2' ? ['cot-2', 'no-cot-2'] : ['cot-1', 'cot-2', 'no-cot-1', 'no-cot-2']);
      expect(await readdir(join(folder, 'parts'))).not.toContain('experiment.json');
    }
    const { mtimeMs } = await stat(join(folder, 'parts', 'cot-2', 'finished.json'));
    expect((await subtext(['experiment', 'parts.yaml', '--json'], { folder })).code).toBe(0);
    expect((await stat(join(folder, 'parts', 'cot-2', 'finished.json'))).mtimeMs).toBe(mtimeMs);
    expect(await found('parts')).toEqual(await found('alone'));
  });
});

describe.skipIf(!mpirun)(`work among processes${mpirun ? '' : ': no mpirun on this machine'}`, { timeout }, () => {
  it('two ranks share the runs of an experiment; another number goes on, and does nothing again', async () => {
    const words = ['experiment', 'ranks.yaml', '--json'];
    const { code, output } = await ranks({ size: 2, folder, words });
    expect(code, output).toBe(0);
    expect(await found('ranks')).toEqual(await found('alone'));
    const { mtimeMs } = await stat(join(folder, 'ranks', 'cot-2', 'finished.json'));
    await rm(join(folder, 'ranks', 'no-cot-1'), { recursive: true });
    const again = await ranks({ size: 3, folder, words });
    expect(again.code, again.output).toBe(0);
    expect((await stat(join(folder, 'ranks', 'cot-2', 'finished.json'))).mtimeMs).toBe(mtimeMs);
    expect(await found('ranks')).toEqual(await found('alone'));
  });

  it.each(['scenes', 'modular-arithmetic'])('two ranks write the bytes of one: %s', async (generator) => {
    const words = (to: string) => ['data', 'generate', generator, to, '--train', '9', '--test', '4', '--seed', '3'];
    expect((await subtext(words(`${generator}-alone`), { folder })).code).toBe(0);
    const { code, output } = await ranks({ size: 2, folder, words: words(`${generator}-ranks`) });
    expect(code, output).toBe(0);
    expect(output.match(/Wrote/g)).toHaveLength(1);
    expect(await contents(`${generator}-ranks`)).toEqual(await contents(`${generator}-alone`));
  });
});
