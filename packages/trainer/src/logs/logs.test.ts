import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { readEvents } from './event-records';
import { loadLogger } from './load-logger';
import { followLog } from './log-follower';
import type { RunLogEntry, RunLogger } from './run-logger';
import { TensorBoardLogger } from './tensorboard-logger';
import { WandbLogger } from './wandb-logger';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-logs-'));
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

const entry = (step: number, loss: number | null = 1 / step): RunLogEntry => ({
  step,
  phase: 0,
  phaseName: 'text',
  loss,
  learningRate: 0.001,
});
const lines = (entries: readonly RunLogEntry[]) => entries.map((one) => `${JSON.stringify(one)}\n`).join('');
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => entry(from + index));
const start = (entries: readonly RunLogEntry[]) => ({ folder, configuration: {}, entries });

async function eventFile(): Promise<string> {
  const names = await readdir(join(folder, 'tensorboard'));
  expect(names).toHaveLength(1);
  expect(names[0]).toMatch(/^events\.out\.tfevents\.\d{10}\./);
  return join(folder, 'tensorboard', names[0]!);
}

/** Steps and losses of the event file, each record in turn. */
async function told(): Promise<[number, number | undefined][]> {
  const [version, ...events] = readEvents(await readFile(await eventFile()));
  expect(version).toMatchObject({ fileVersion: 'brain.Event:2' });
  return events.map(({ step, scalars }) => [step, scalars.loss]);
}
const expected = (entries: readonly RunLogEntry[]) =>
  entries.map(({ step, loss }) => [step, loss === null ? NaN : Math.fround(loss as number)]);

/** One session of a run. */
async function session(entries: readonly RunLogEntry[], further: readonly RunLogEntry[]): Promise<void> {
  const logger = new TensorBoardLogger();
  await logger.start(start(entries));
  for (const one of further) await logger.log(one);
  // A killed process closes its files too.
  await logger.finish();
}

describe('TensorBoard event files', () => {
  it('have each number of a line as a scalar, what was not finite as NaN', async () => {
    await session([], [entry(10), { ...entry(20, null), skipped: true }]);
    expect(await told()).toEqual([
      [10, Math.fround(0.1)],
      [20, NaN],
    ]);
    const [, , second] = readEvents(await readFile(await eventFile()));
    expect(second!.scalars).toEqual({ phase: 0, loss: NaN, learningRate: Math.fround(0.001), skipped: 1 });
    expect(Math.abs(second!.wallTime - Date.now() / 1000)).toBeLessThan(60);
  });

  it('hold no step twice when a run goes on from an earlier checkpoint', async () => {
    await session([], range(1, 7));
    const before = await readFile(await eventFile());
    // The checkpoint was made after step 4: the steps after it are done again.
    await session(range(1, 4), range(5, 9));
    expect(await told()).toEqual(expected(range(1, 9)));
    const after = await readFile(await eventFile());
    const kept = readEvents(before)[4]!.end;
    expect(after.subarray(0, kept)).toEqual(before.subarray(0, kept));
  });

  it('are mended after a crash in the middle of a record, and fill up what they lack', async () => {
    await session([], range(1, 3));
    const path = await eventFile();
    const whole = await readFile(path);
    for (const cut of [0, 5, whole.length - 1]) {
      await writeFile(path, whole.subarray(0, cut));
      await session(range(1, 6), range(7, 8));
      expect(await told()).toEqual(expected(range(1, 8)));
    }
  });

  it('begin anew where the log is another run’s', async () => {
    await session([], range(1, 3));
    const other = range(1, 2).map((one) => ({ ...one, loss: 7 }));
    await session(other, []);
    expect(await told()).toEqual([
      [1, 7],
      [2, 7],
    ]);
  });

  it('say what cannot be written', async () => {
    await writeFile(join(folder, 'tensorboard'), 'a file');
    await expect(new TensorBoardLogger().start(start([]))).rejects.toThrow(/Cannot write .*tensorboard/);
  });
});

/** A logger that keeps what it is told. */
function recorder(): RunLogger & { started: RunLogEntry[][]; logged: RunLogEntry[]; ended: string[] } {
  const started: RunLogEntry[][] = [];
  const logged: RunLogEntry[] = [];
  const ended: string[] = [];
  return {
    name: 'recorder',
    started,
    logged,
    ended,
    start: ({ entries }) => void started.push([...entries]),
    log: (one) => void logged.push(one),
    finish: ({ status }) => void ended.push(status),
  };
}

describe('followLog', () => {
  it('tells loggers of each line once: those of earlier sessions at the start, a torn one when it is whole', async () => {
    const logger = recorder();
    const path = join(folder, 'log.jsonl');
    const text = lines(range(1, 9));
    const half = text.slice(0, lines(range(1, 5)).length + 20);
    const follower = followLog({ loggers: [logger], folder, configuration: {} });
    // The lines of an earlier session that come after its checkpoint are cut before the first step.
    await writeFile(path, lines([...range(1, 3), entry(99)]));
    await writeFile(path, lines(range(1, 3)));
    follower.step();
    await expect.poll(() => logger.started.length).toBe(1);
    await writeFile(path, half);
    await expect.poll(() => (follower.step(), logger.logged.length), { timeout: 10_000 }).toBe(2);
    await writeFile(path, text);
    await follower.finish({ status: 'finished' });
    expect(logger.started).toEqual([range(1, 3)]);
    expect(logger.logged).toEqual(range(4, 9));
    expect(logger.ended).toEqual(['finished']);
  });

  it('leaves a logger out that fails, and goes on with the others', async () => {
    const logger = recorder();
    const notices: string[] = [];
    const broken: RunLogger = {
      name: 'broken',
      start: () => undefined,
      log: () => Promise.reject(new Error('no line to the server.')),
      finish: () => {
        throw new Error('told too much');
      },
    };
    const follower = followLog({
      loggers: [broken, logger],
      folder,
      configuration: {},
      onNotice: (notice) => notices.push(notice),
    });
    await writeFile(join(folder, 'log.jsonl'), '');
    follower.step();
    await expect.poll(() => logger.started.length).toBe(1);
    await writeFile(join(folder, 'log.jsonl'), lines(range(1, 2)));
    await follower.finish({ status: 'finished' });
    expect(notices).toEqual([expect.stringMatching(/"broken" failed and is left out: no line to the server\./)]);
    expect(logger.logged).toEqual(range(1, 2));
  });

  it('does not touch a run that it failed to get hold of', async () => {
    await writeFile(join(folder, 'log.jsonl'), lines(range(1, 3)));
    const logger = recorder();
    await followLog({ loggers: [logger], folder, configuration: {} }).finish({ status: 'failed' });
    expect(logger).toMatchObject({ started: [], logged: [], ended: [] });
  });
});

describe('a logger that does not behave', () => {
  const hanging = (call: 'start' | 'log' | 'finish'): RunLogger => ({
    name: call,
    start: () => undefined,
    log: () => undefined,
    finish: () => undefined,
    [call]: () => new Promise(() => undefined),
  });

  it.each(['start', 'log', 'finish'] as const)(
    'holds the end up for some seconds at most (%s never answers), is told once, and the others are told all',
    async (call) => {
      const logger = recorder();
      const notices: string[] = [];
      await writeFile(join(folder, 'log.jsonl'), '');
      const follower = followLog({
        loggers: [hanging(call), logger],
        folder,
        configuration: {},
        onNotice: (notice) => notices.push(notice),
      });
      follower.step();
      await expect.poll(() => logger.started.length).toBe(1);
      await writeFile(join(folder, 'log.jsonl'), lines(range(1, 1)));
      const began = performance.now();
      await follower.finish({ status: 'finished' });
      expect(performance.now() - began).toBeLessThan(9_000);
      expect(notices.filter((notice) => notice.includes(`"${call}"`))).toHaveLength(1);
      if (call === 'finish') expect(logger).toMatchObject({ logged: range(1, 1), ended: ['finished'] });
    },
    20_000,
  );

  it('cannot end the process: not by a timer, a rejection, an exit or a loop without end', async () => {
    const bodies = {
      timer: "start() { setTimeout(() => { throw new Error('boom'); }, 10); }, log() {}, finish() {}",
      rejection: "start() { void Promise.reject(new Error('boom')); }, log() {}, finish() {}",
      exit: 'start() { process.exit(0); }, log() {}, finish() {}',
      loop: 'start() { for (;;); }, log() {}, finish() {}',
    };
    await writeFile(join(folder, 'log.jsonl'), lines(range(1, 2)));
    const notices: string[] = [];
    const loggers = await Promise.all(
      Object.entries(bodies).map(async ([name, body]) => {
        const module = join(folder, `${name}.mjs`);
        await writeFile(module, `export const createLogger = () => ({ name: '${name}', ${body} });`);
        return loadLogger({ module });
      }),
    );
    const follower = followLog({ loggers, folder, configuration: {}, onNotice: (notice) => notices.push(notice) });
    follower.step();
    await new Promise((resolve) => setTimeout(resolve, 300));
    await follower.finish({ status: 'finished' });
    for (const name of ['exit', 'loop'])
      expect(notices.filter((notice) => notice.includes(`"${name}"`))).toHaveLength(1);
    expect(notices.length).toBeGreaterThanOrEqual(2);
    expect(new Set(notices).size).toBe(notices.length);
  }, 30_000);
});

describe('loadLogger', () => {
  it('loads a module of the user’s own, with its options', async () => {
    const module = join(folder, 'logger.mjs');
    await writeFile(
      module,
      `import { appendFileSync } from 'node:fs';
export function createLogger({ to }) {
  const write = (value) => appendFileSync(to, JSON.stringify(value) + '\\n');
  return { start: ({ entries }) => write(entries.length), log: ({ step }) => write(step), finish: ({ status }) => write(status) };
}`,
    );
    const to = join(folder, 'told.jsonl');
    const logger = await loadLogger({ module, options: { to } });
    await logger.start(start(range(1, 2)));
    await logger.log(entry(3));
    await logger.finish({ status: 'stopped' });
    expect(await readFile(to, 'utf8')).toBe('2\n3\n"stopped"\n');
    expect(logger.name).toBe(module);
  });

  it.each([
    ['a module that is not there', undefined, /cannot be used: /],
    ['a module without createLogger', 'export const start = 1;', /does not export a function "createLogger"/],
    [
      'a logger that cannot finish',
      'export const createLogger = () => ({ start() {}, log() {} });',
      /has no function "finish"/,
    ],
  ])('refuses %s', async (_, text, message) => {
    const module = join(folder, 'refused.mjs');
    if (text !== undefined) await writeFile(module, text);
    await expect(loadLogger({ module })).rejects.toMatchObject({
      code: 'invalid-option',
      message: expect.stringMatching(message) as string,
    });
  });
});

/** Stands for Python: a program that takes what the real one takes, and writes it down. */
async function fakePython(body: string): Promise<string> {
  const path = join(folder, 'python');
  await mkdir(folder, { recursive: true });
  await writeFile(path, `#!${process.execPath}\n${body}`);
  await chmod(path, 0o755);
  return path;
}

describe.skipIf(process.platform === 'win32')('WandbLogger', () => {
  it('feeds W&B’s package line by line, and keeps the id of the run', async () => {
    const seen = join(folder, 'seen.jsonl');
    const python = await fakePython(`
const { appendFileSync } = require('node:fs');
if (process.argv[2] !== '-c' || !process.argv[3].includes('wandb.init')) process.exit(3);
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  appendFileSync(${JSON.stringify(seen)}, line + '\\n');
  console.log('ready');
});`);
    for (const entries of [[], range(1, 2)]) {
      const logger = new WandbLogger({ python, project: 'thoughts' });
      await logger.start({ folder, configuration: { seed: 3 }, entries });
      logger.log(entry(entries.length + 1, null));
      await logger.finish({ status: 'stopped' });
    }
    const messages = (await readFile(seen, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(messages[0]).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
      project: 'thoughts',
      config: { seed: 3 },
    });
    expect(messages[3]).toEqual(messages[0]);
    expect(messages.slice(1, 3)).toEqual([
      { step: 1, measures: { phase: 0, loss: null, learningRate: 0.001 } },
      { status: 'stopped' },
    ]);
    expect(messages.slice(4).map(({ step, status }) => step ?? status)).toEqual([1, 2, 3, 'stopped']);
  });

  it('does not wait for a process that hangs, never reads, or floods', async () => {
    const cases = [
      'setInterval(() => {}, 1000);',
      "console.log('ready'); setInterval(() => {}, 1000);",
      "console.log('ready'); const text = 'x'.repeat(1 << 20); const write = () => { while (process.stdout.write(text)); process.stdout.once('drain', write); }; write();",
    ];
    for (const body of cases) {
      const notices: string[] = [];
      await writeFile(join(folder, 'log.jsonl'), lines(range(1, 2)));
      const logger = new WandbLogger({ python: await fakePython(body) });
      const follower = followLog({
        loggers: [logger],
        folder,
        configuration: {},
        onNotice: (notice) => notices.push(notice),
      });
      follower.step();
      await new Promise((resolve) => setTimeout(resolve, 200));
      const began = performance.now();
      await follower.finish({ status: 'finished' });
      expect(performance.now() - began).toBeLessThan(9_000);
      expect(notices).toHaveLength(1);
    }
  }, 60_000);

  it('keeps keys out of what it tells, and modules of the current folder out of Python', async () => {
    process.env.WANDB_API_KEY = 'k-very-secret-1';
    try {
      const python = await fakePython(
        "process.stderr.write('wandb: ERROR k-very-secret-1 0123456789abcdef0123456789abcdef01234567 api_key=abcdefghij https://me:pass@host/x failed\\n'); process.exit(process.env.PYTHONSAFEPATH === '1' ? 1 : 0);",
      );
      const error = (await new WandbLogger({ python }).start(start([])).catch((thrown: unknown) => thrown)) as Error;
      expect(error.message).toMatch(/failed/);
      expect(error.message).not.toMatch(/secret|01234567|abcdefghij|pass/);
    } finally {
      delete process.env.WANDB_API_KEY;
    }
  });

  it('says why it cannot: no Python, or no package', async () => {
    await expect(new WandbLogger({ python: join(folder, 'nowhere') }).start(start([]))).rejects.toThrow(/nowhere/);
    const python = await fakePython(
      "process.stderr.write('the Python package wandb is not installed; install it with: pip install wandb\\n'); process.exit(1);",
    );
    await expect(new WandbLogger({ python }).start(start([]))).rejects.toThrow(/pip install wandb/);
  });
});
