import { useEngine } from '@subtext/tensor';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// Sources of other workspaces: a model that is trained in seconds, and what starts ranks.
import { randomExplainer, toyExamples, trainToyReasoner } from '../../../packages/eval/test/toy-reasoner';
import { mpirun, ranks } from '../../cli/test/ranks';

const program = fileURLToPath(new URL('../bin/subtext-eval.js', import.meta.url));

let folder: string;
beforeAll(async () => {
  if (!mpirun) return;
  folder = await mkdtemp(join(tmpdir(), 'subtext-eval-ranks-'));
  await useEngine({ engine: 'wasm' });
  const reasoner = trainToyReasoner({ sight: 'thought' });
  await reasoner.save({ folder: join(folder, 'heima') });
  const explainer = randomExplainer({ reasoner });
  await explainer.save({ folder: join(folder, 'heima', 'interpreters', 'random') });
  explainer.dispose();
  reasoner.dispose();
  const lines = toyExamples({ count: 22, seed: 9 }).map(({ question, steps, answer }) =>
    JSON.stringify({ question, answer: `${steps[0]!.text}\n#### ${answer}` }),
  );
  await writeFile(join(folder, 'data.jsonl'), `${lines.join('\n')}\n`);
});
afterAll(async () => {
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** Runs the built command as a user does: `size` ranks under `mpirun`. */
async function among(size: number, command: string, output: string, ...words: string[]): Promise<string> {
  const asked = ['--model', 'heima', '--task', 'gsm8k', '--data', 'data.jsonl', '--batch', '4', '--engine', 'wasm'];
  const all = [command, ...asked, '--output', output, '--json', ...words];
  const { code, output: said } = await ranks({ size, folder, program, words: all });
  expect(code, said).toBe(0);
  return said;
}

const read = (...place: string[]) => readFile(join(folder, ...place), 'utf8');

/** A run's samples and results, but for times and dates. */
async function found(run: string): Promise<unknown> {
  const names = await readdir(join(folder, run));
  const fileOf = (start: string) =>
    read(
      run,
      names.find((name) => name.startsWith(start))!,
    );
  const samples = (await fileOf('samples_')).trim().split('\n');
  const { results, 'n-samples': count, configs } = JSON.parse(await fileOf('results_')) as Record<string, unknown>;
  return {
    samples: samples.map((line) => JSON.stringify({ ...(JSON.parse(line) as object), seconds: 0 })),
    results: JSON.stringify(results).replace(/"seconds[^"]*":[^,}]*/g, ''),
    count,
    configs,
  };
}

/** What an audit kept, by file. */
async function kept(audit: string): Promise<Record<string, string>> {
  const names = (await readdir(join(folder, audit, 'runs'))).sort();
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await read(audit, 'runs', name)])));
}

describe.skipIf(!mpirun)(`evaluation among processes${mpirun ? '' : ': no mpirun on this machine'}`, () => {
  it('two ranks answer what one does, also where they go on from three', async () => {
    await among(1, 'run', 'run-1');
    await among(2, 'run', 'run-2');
    expect(await found('run-2')).toEqual(await found('run-1'));
    // Begun by three, of which one has not come far.
    await among(3, 'run', 'run-3');
    const shard = join('run-3', 'shards', '2-of-3');
    const name = (await readdir(join(folder, shard))).find((one) => one.startsWith('samples_'))!;
    const lines = (await read(shard, name)).split('\n');
    await writeFile(join(folder, shard, name), `${lines[0]}\n`);
    for (const file of await readdir(join(folder, 'run-3')))
      if (/^(samples|results)_/.test(file)) await rm(join(folder, 'run-3', file));
    await among(2, 'run', 'run-3');
    expect(await found('run-3')).toEqual(await found('run-1'));
  });

  it('two ranks audit to the bytes of one, also from the middle', async () => {
    await among(1, 'audit', 'audit-1');
    await among(2, 'audit', 'audit-2');
    const [whole, runs] = [await read('audit-1', 'audit.json'), await kept('audit-1')];
    expect(Object.keys(runs).length).toBeGreaterThan(10);
    expect(await read('audit-2', 'audit.json')).toBe(whole);
    expect(await kept('audit-2')).toEqual(runs);
    for (const name of Object.keys(runs).slice(2)) await rm(join(folder, 'audit-2', 'runs', name));
    const said = await among(3, 'audit', 'audit-2');
    expect(said).toContain('"event":"resumed"');
    expect(await read('audit-2', 'audit.json')).toBe(whole);
    expect(await kept('audit-2')).toEqual(runs);
  });
});
