import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { differingKeys, firstDifference } from './compare-runs';
import type { LoggedStep } from './read-log';
import { findRuns, readRun } from './read-run';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-runs-'));
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

const lines: LoggedStep[] = [
  { step: 10, phase: 0, phaseName: 'text', loss: 4, gradientNorm: 2 },
  { step: 20, phase: 0, phaseName: 'text', loss: 2, gradientNorm: 1, validationLoss: 0.5, best: true },
  { step: 30, phase: 1, phaseName: 'hide caption', loss: 3, gradientNorm: 3, validationLoss: 2.5, best: true },
  { step: 40, phase: 1, phaseName: 'hide caption', loss: 1, gradientNorm: 1, validationLoss: 1.5, best: true },
  { step: 50, phase: 1, phaseName: 'hide caption', loss: null, gradientNorm: null, skipped: true },
  { step: 60, phase: 1, phaseName: 'hide caption', loss: 0.75, gradientNorm: 1, validationLoss: 1.75, best: false },
];

async function makeRun(
  name: string,
  {
    log = lines,
    configuration = {
      seed: 1,
      engine: 'wasm',
      method: { name: 'heima' },
      training: { learningRate: 0.001 },
    } as unknown,
    files = {} as Record<string, string>,
  } = {},
): Promise<string> {
  const path = join(folder, name);
  await mkdir(join(path, 'checkpoints', 'step-00000040'), { recursive: true });
  if (configuration !== null) await writeFile(join(path, 'configuration.json'), JSON.stringify(configuration));
  await writeFile(join(path, 'log.jsonl'), log.map((line) => `${JSON.stringify(line)}\n`).join(''));
  for (const [file, text] of Object.entries(files)) await writeFile(join(path, file), text);
  return path;
}

describe('reading runs', () => {
  it('finds them at any depth, but not inside one another', async () => {
    const [one, two] = [await makeRun('one'), await makeRun(join('group', 'two'))];
    await mkdir(join(one, 'reasoner'), { recursive: true });
    await writeFile(join(one, 'reasoner', 'configuration.json'), '{}');
    expect(await findRuns(folder)).toEqual([join(folder, 'group', 'two'), one]);
    expect(await findRuns(two)).toEqual([two]);
    expect(await findRuns(join(one, 'checkpoints'))).toEqual([]);
    await expect(findRuns(join(folder, 'nowhere'))).rejects.toThrow(/ENOENT/);
  });

  it('tells phase, losses, the best of the last phase, and skipped steps', async () => {
    const run = await readRun(await makeRun('run'));
    expect(run).toMatchObject({
      state: 'stopped',
      method: 'heima',
      engine: 'wasm',
      seed: 1,
      phase: { name: 'hide caption', number: 2 },
      step: 60,
      skippedSteps: 1,
      loss: 0.75,
      validationLoss: 1.75,
      best: { loss: 1.5, step: 40 },
      problems: [],
    });
    expect(Math.abs(run.written! - Date.now())).toBeLessThan(60_000);
  });

  it('tells finished, running and stopped apart', async () => {
    const finished = await makeRun('finished', {
      files: { 'finished.json': JSON.stringify({ steps: 61, skippedSteps: 2, seconds: 90 }) },
    });
    const running = await makeRun('running', {
      files: { 'run.lock': JSON.stringify({ process: process.pid, host: hostname() }) },
    });
    // A process that has ended: its number is above what Linux gives out.
    const dead = await makeRun('dead', {
      files: { 'run.lock': JSON.stringify({ process: 2 ** 30, host: hostname() }) },
    });
    expect(await readRun(finished)).toMatchObject({ state: 'finished', step: 61, skippedSteps: 2, seconds: 90 });
    expect(await readRun(running)).toMatchObject({ state: 'running' });
    expect(await readRun(dead)).toMatchObject({ state: 'stopped' });
  });

  it('tells the losses of reasoner and interpreters apart, so that runs with and without compare', async () => {
    const joint = await readRun(
      await makeRun('joint', {
        log: [
          { step: 1, loss: 5, reasonerLoss: 2, interpreterLoss: 3 },
          { step: 2, loss: 4, reasonerLoss: 1.5, interpreterLoss: 2.5 },
        ],
      }),
    );
    expect(joint).toMatchObject({ loss: 1.5, interpreterLoss: 2.5 });
    expect(joint.curves.curve('loss')).toEqual([
      { x: 1, y: 2 },
      { x: 2, y: 1.5 },
    ]);
    expect(joint.curves.curve('jointLoss')).toEqual([
      { x: 1, y: 5 },
      { x: 2, y: 4 },
    ]);
  });

  it('reads a log of hundreds of thousands of lines by pieces, thinned out; and lines that are none, or too long', async () => {
    const path = await makeRun('long', { log: [] });
    const count = 300_000;
    const text = Array.from({ length: count / 1000 }, (_, part) =>
      Array.from(
        { length: 1000 },
        (__, index) =>
          `{"step":${part * 1000 + index + 1},"phase":0,"phaseName":"text","loss":${index},"gradientNorm":1,"learningRate":0.001}\n`,
      ).join(''),
    );
    await writeFile(join(path, 'log.jsonl'), text.join(''));
    const before = process.memoryUsage.rss();
    const run = await readRun(path);
    expect(run).toMatchObject({ lines: count, step: count, problems: [] });
    expect(process.memoryUsage.rss() - before).toBeLessThan(400 * 2 ** 20);
    const curve = run.curves.curve('loss');
    expect(curve.length).toBeLessThan(10_001);
    expect(curve.at(-1)).toEqual({ x: count, y: 999 });
    // A hole of 600 MB, as a damaged disk leaves it, is one line without end.
    await truncate(join(path, 'log.jsonl'), 600 * 2 ** 20);
    expect(await readRun(path)).toMatchObject({ lines: count });
    await writeFile(
      join(path, 'log.jsonl'),
      `${JSON.stringify(lines[0])}\n{"step":2,"phaseName":${'"x"'.repeat(50_000)}}\n{"step":1e999}\nnull\n{"constructor":1}\n${JSON.stringify({ ...lines[1], phaseName: 7, phase: 'x' })}\n`,
    );
    expect(await readRun(path)).toMatchObject({
      lines: 2,
      step: 20,
      problems: ['log.jsonl has 4 lines that cannot be read, the first of them line 2'],
    });
  }, 120_000);

  it('stops at a log without lines, however large', async () => {
    const path = await makeRun('endless');
    // 200 GB that take no room on the disk, as a tar archive can carry them.
    await truncate(join(path, 'log.jsonl'), 200e9);
    expect(await readRun(path)).toMatchObject({
      state: 'broken',
      problems: [expect.stringMatching(/log\.jsonl cannot be read: .*line \d+ has more than 67108864 bytes/)],
    });
  }, 60_000);

  it('takes no pipe for a file, and no hostile lock for a running run', async () => {
    const path = await makeRun('hostile', { files: { 'run.lock': 'null' } });
    expect((await readRun(path)).state).toBe('stopped');
    await rm(join(path, 'log.jsonl'));
    execFileSync('mkfifo', [join(path, 'log.jsonl')]);
    expect(await readRun(path)).toMatchObject({
      state: 'broken',
      problems: [expect.stringMatching(/log\.jsonl cannot be read: .*pipe or device/)],
    });
  });

  it('names what is broken, and shows the rest', async () => {
    const torn = await makeRun('torn');
    await writeFile(
      join(torn, 'log.jsonl'),
      `${JSON.stringify(lines[0])}\nnot json\n[1]\n${JSON.stringify(lines[1])}\n{"step": 30, "lo`,
    );
    const half = await makeRun('half', { configuration: null, files: { 'configuration.json': '{"seed": 1' } });
    expect(await readRun(torn)).toMatchObject({
      state: 'broken',
      step: 20,
      problems: ['log.jsonl has 2 lines that cannot be read, the first of them line 2'],
    });
    expect(await readRun(half)).toMatchObject({
      state: 'broken',
      step: 60,
      problems: [expect.stringMatching(/^configuration\.json is not JSON: /)],
    });
    expect(await readRun(await makeRun('none', { configuration: null }))).toMatchObject({
      state: 'broken',
      problems: ['configuration.json is missing'],
    });
  });
});

describe('comparing runs', () => {
  it('finds the keys that differ, and the step at which the logs part', async () => {
    const one = await readRun(await makeRun('one'));
    const other = await readRun(
      await makeRun('other', {
        configuration: {
          seed: 1,
          engine: 'wasm',
          method: { name: 'cot' },
          training: { learningRate: 0.002 },
          interpreters: {},
        },
        log: lines.map((line) => (line.step === 30 ? { ...line, loss: 3.5 } : line)),
      }),
    );
    expect(differingKeys([one, other])).toEqual([
      { key: 'interpreters', values: [undefined, '{}'] },
      { key: 'method.name', values: ['"heima"', '"cot"'] },
      { key: 'training.learningRate', values: ['0.001', '0.002'] },
    ]);
    expect(await firstDifference([one, other])).toEqual({ step: 30, measures: ['loss'] });
    const begun = await readRun(await makeRun('begun', { log: lines.slice(0, 3) }));
    expect(await firstDifference([one, begun])).toBeUndefined();
    expect(await firstDifference([one, { folder: join(folder, 'nowhere') }])).toBeUndefined();
  });

  it('takes a curve without the lines that lack the measure', async () => {
    const run = await readRun(await makeRun('curves'));
    expect(run.curves.measures()).toEqual(['loss', 'gradientNorm', 'validationLoss']);
    expect(run.curves.curve('validationLoss')).toEqual([
      { x: 20, y: 0.5 },
      { x: 30, y: 2.5 },
      { x: 40, y: 1.5 },
      { x: 60, y: 1.75 },
    ]);
  });
});
