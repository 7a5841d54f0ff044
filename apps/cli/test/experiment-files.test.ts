import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { subtext } from './run-command';

const science = fileURLToPath(new URL('../../../tooling/science/', import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-experiment-files-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

/** The numbers of these files that cost time, and how few of each run to their end here. */
const scales: readonly [RegExp, string][] = [
  [/\b(steps: )\d+/g, '$11'],
  [/\b(train|count): \d{4,}/g, '$1: 40'],
  [/\b(test|validation): \d{3,}/g, '$1: 6'],
  [/\b(limit): \d{3,}/g, '$1: 6'],
  [/\b(alone|batched): \d{2,}/g, '$1: 2'],
  [/\b(n_embd|width): \d{2,}/g, '$1: 16'],
  // Not every machine has it.
  [/\bengine: native\b/g, 'engine: wasm'],
];

/** Copies the files of an experiment, so small that they end in seconds. */
async function copySmall(name: string): Promise<void> {
  await cp(join(science, name), join(folder, name), { recursive: true });
  for (const file of await readdir(join(folder, name))) {
    const path = join(folder, name, file);
    let text = await readFile(path, 'utf8');
    for (const [from, to] of scales) text = text.replace(from, to);
    // A number that is new there, and not made small above, would make this test long.
    const numbers = text.replace(/^page:[^]*/m, '').replace(/^ *#.*$/gm, '');
    expect(numbers, file).not.toMatch(/(?<!seed): \d{3,}/);
    await writeFile(path, text);
  }
}

interface Result {
  cells: { cell: string; seeds: number[] }[];
  comparisons: { left: string; right: string; models: unknown[]; method: unknown }[];
  answerSeconds?: Record<string, object>;
  chosen?: { cell: string }[];
  failing?: { cell: string; rows: unknown[] }[];
  nodes?: { cell: string; superposition: { questions: number } }[];
  runs: { name: string; audit?: object; fewer?: object[]; choice?: number }[];
}

/** Carries an experiment out and reads its result, in the folder of the experiment and where its page goes. */
async function resultOf({
  name,
  file = `${name}/experiment.yaml`,
  words,
}: {
  /** Of its folder of runs and of its page. */ name: string;
  file?: string;
  words: readonly string[];
}): Promise<Result> {
  const { code, stderr } = await subtext(['experiment', file, ...words, '--json'], { folder });
  expect(`${code} ${stderr}`).toBe('0 ');
  const text = await readFile(join(folder, 'runs', name, 'experiment.json'), 'utf8');
  expect(await readFile(join(folder, 'docs/results', `${name}.json`), 'utf8')).toBe(text);
  expect(await readFile(join(folder, 'docs/results', `${name}.md`), 'utf8')).toMatch(/^# /);
  return JSON.parse(text) as Result;
}

describe('the experiments of tooling/science, at a tiny scale', () => {
  it('arithmetic: every method is trained, asked, compared, audited and timed', async () => {
    await copySmall('arithmetic');
    const { cells, comparisons, answerSeconds, runs } = await resultOf({ name: 'arithmetic', words: ['seeds=[1]'] });
    expect(cells).toHaveLength(13);
    expect(comparisons).toHaveLength(15);
    expect(Object.keys(answerSeconds!)).toEqual(cells.map(({ cell }) => cell));
    const named = (key: 'audit' | 'fewer') => runs.filter((run) => run[key] !== undefined).map(({ name }) => name);
    expect(named('audit')).toEqual(['coconut-1', 'coconut-pause-1', 'sim-cot-1']);
    expect(named('fewer')).toEqual(['coconut-1', 'adaptive-1', 'sim-cot-1', 'adaptive-after-sim-cot-1']);
  }, 300_000);

  it('graphs: every form of thinking over two seeds, chosen, audited, and held against the nodes', async () => {
    await copySmall('graphs');
    const asked = ['data', 'generate', 'prosqa', 'held-out', '--test', '6', '--train', '0', '--seed', '5'];
    expect((await subtext(asked, { folder })).code).toBe(0);
    const { cells, comparisons, chosen, nodes, runs } = await resultOf({
      name: 'graphs',
      words: ['seeds=[1, 2]', 'evaluation.data=held-out/test.json', '--parallel', '2'],
    });
    expect(cells).toMatchObject(['coconut', 'pause', 'cot', 'no-cot'].map((cell) => ({ cell, seeds: [1, 2] })));
    expect(comparisons).toHaveLength(6);
    for (const { models, method } of comparisons) expect([models.length, method]).toEqual([2, expect.any(Object)]);
    expect(chosen!.map(({ cell }) => cell)).toEqual(cells.map(({ cell }) => cell));
    expect(nodes).toMatchObject([{ cell: 'coconut', superposition: { questions: 6 } }]);
    expect(runs.filter(({ audit }) => audit !== undefined).map(({ name }) => name)).toEqual([
      ...['coconut-1', 'coconut-2', 'pause-1', 'pause-2'],
    ]);
  }, 300_000);

  it('graphs whose answers are made of thoughts: chosen, audited stage by stage', async () => {
    const { chosen, runs } = await resultOf({
      name: 'graphs-used',
      file: 'graphs/used.yaml',
      words: ['seeds=[1, 2]', 'evaluation.data=held-out/test.json'],
    });
    expect(chosen).toMatchObject([{ cell: 'chain' }]);
    for (const { audit } of runs)
      expect(audit).toMatchObject({ stages: ['hop 1', 'hop 2', 'hop 3', 'hop 4'].map((stage) => ({ stage })) });
  }, 300_000);

  it('what makes thoughts used: each visibility, fed back or not, supervised or not, is a configuration that is right', async () => {
    await copySmall('arithmetic');
    await copySmall('visibility');
    const { code, stdout } = await subtext(['experiment', 'visibility/experiment.yaml', '--dry-run', '--json'], {
      folder,
    });
    expect(code).toBe(0);
    const names = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; name: string })
      .flatMap(({ event, name }) => (event === 'planned' ? name : []));
    expect(names).toHaveLength(17 * 3);
  }, 60_000);
});
