import { ownValue, parseJson } from '@subtext/core';
import { FileError, readTextFile } from '@subtext/core/node';
import { readdir, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

import { isFaulty, type LoggedStep, readLogLines } from './read-log';
import { RunCurves } from './run-curves';

/** `running`: a process of this machine holds the folder. `stopped`: the same command resumes it. `broken`: what is wrong stands in `problems`. */
export type RunState = 'finished' | 'running' | 'stopped' | 'broken';

/** A training run as its folder tells it. */
export interface TrainingRun {
  folder: string;
  state: RunState;
  /** As the configuration names them; undefined where it cannot be read. */
  method?: string;
  engine?: string;
  seed?: number;
  /** The last phase that was logged, and its number from 1. */
  phase?: { name: string; number: number };
  /** Steps done, as the log tells. */
  step: number;
  /** Steps left out because loss or gradient were not finite. */
  skippedSteps: number;
  /** The last that were logged; with interpreters the reasoner's alone, as in runs without. */
  loss?: number;
  /** The interpreters', of a run that trains them too. */
  interpreterLoss?: number;
  /** With interpreters the sum of both. */
  validationLoss?: number;
  /** The lowest validation loss, of the last phase that has any. */
  best?: { loss: number; step: number };
  /** Trained, in all sessions. */
  seconds?: number;
  /** Of the last line of the log, in milliseconds since 1970. */
  written?: number;
  configuration?: Record<string, unknown>;
  /** Lines of the log. */
  lines: number;
  curves: RunCurves;
  problems: string[];
}

/** What a run's folder has, one of them at least. */
const marks = ['configuration.json', 'log.jsonl'] as const;

/** Folders within a run, or too full to be looked into. */
const passedOver = new Set([
  'reasoner',
  'initial',
  'checkpoints',
  'images',
  'tensorboard',
  'wandb',
  'node_modules',
  '.git',
]);

/** The largest of a run's small files, in bytes. */
const MOST_BYTES = 16 * 2 ** 20;

/** How deep runs are looked for below a folder. */
const DEPTH = 3;

/** The runs in a folder: itself, or those below it. Throws where the folder cannot be read. */
export async function findRuns(folder: string): Promise<string[]> {
  const look = async (at: string, depth: number): Promise<string[]> => {
    const entries = await readdir(at, { withFileTypes: true });
    if (marks.some((mark) => entries.some((entry) => entry.name === mark && entry.isFile()))) return [at];
    if (depth === 0) return [];
    const below = entries
      .filter((entry) => entry.isDirectory() && !passedOver.has(entry.name) && !entry.name.startsWith('.'))
      .map(({ name }) => join(at, name))
      .sort();
    // A folder below that may not be read is not one that was asked for.
    const found = await Promise.all(below.map((one) => look(one, depth - 1).catch((): string[] => [])));
    return found.flat();
  };
  return look(folder, DEPTH);
}

/** Reads a run, however much of it there is: what cannot be read is named among its problems. */
export async function readRun(folder: string): Promise<TrainingRun> {
  const problems: string[] = [];
  const configuration = await readJson({ folder, name: 'configuration.json', problems });
  const finished = await readJson({ folder, name: 'finished.json', problems });
  const log = await readLog({ path: join(folder, 'log.jsonl'), problems });
  if (configuration === undefined && problems.length === 0) problems.push('configuration.json is missing');
  const { last } = log;
  const method = configuration?.method as { name?: unknown } | undefined;
  const state: RunState =
    problems.length > 0
      ? 'broken'
      : finished !== undefined
        ? 'finished'
        : (await isHeld(folder))
          ? 'running'
          : 'stopped';
  return {
    folder,
    state,
    method: textOf(method?.name),
    engine: textOf(configuration?.engine),
    seed: numberOf(configuration?.seed),
    phase: last?.phaseName === undefined ? undefined : { name: last.phaseName, number: (last.phase ?? 0) + 1 },
    step: numberOf(finished?.steps) ?? last?.step ?? 0,
    skippedSteps: numberOf(finished?.skippedSteps) ?? log.skipped,
    loss: log.loss,
    interpreterLoss: log.interpreterLoss,
    validationLoss: log.validationLoss,
    best: log.best,
    seconds: numberOf(finished?.seconds),
    written: await stat(join(folder, 'log.jsonl')).then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined,
    ),
    configuration,
    lines: log.lines,
    curves: log.curves,
    problems,
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** An object in a JSON file of the run; undefined where there is no such file. */
async function readJson({
  folder,
  name,
  problems,
}: {
  folder: string;
  name: string;
  problems: string[];
}): Promise<Record<string, unknown> | undefined> {
  try {
    const value = parseJson({ text: await readTextFile({ path: join(folder, name), maximumBytes: MOST_BYTES }), name });
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    problems.push(`${name} is not an object`);
  } catch (error) {
    if (FileError.isInstance(error) && error.code === 'not-found') return undefined;
    problems.push(FileError.isInstance(error) ? `${name} cannot be read: ${error.message}` : (error as Error).message);
  }
  return undefined;
}

/** What a table says of a log, and its curves. */
interface LogSummary {
  lines: number;
  last?: LoggedStep;
  skipped: number;
  loss?: number;
  interpreterLoss?: number;
  validationLoss?: number;
  best?: { loss: number; step: number };
  curves: RunCurves;
}

async function readLog({ path, problems }: { path: string; problems: string[] }): Promise<LogSummary> {
  const log: LogSummary = { lines: 0, skipped: 0, curves: new RunCurves() };
  let faulty = 0;
  let firstFaulty = 0;
  let bestPhase: number | undefined;
  try {
    for await (const lines of readLogLines(path))
      for (const entry of lines) {
        if (isFaulty(entry)) {
          if (faulty++ === 0) firstFaulty = entry.line;
          continue;
        }
        log.lines += 1;
        log.last = entry;
        log.curves.add(entry);
        if (entry.skipped === true) log.skipped += 1;
        log.loss = numberOf(entry.reasonerLoss) ?? numberOf(entry.loss) ?? log.loss;
        log.interpreterLoss = numberOf(entry.interpreterLoss) ?? log.interpreterLoss;
        const { validationLoss } = entry;
        if (typeof validationLoss !== 'number') continue;
        log.validationLoss = validationLoss;
        // Phases predict other tokens: the best is one of the last phase that has any.
        if (bestPhase !== entry.phase || log.best === undefined || validationLoss < log.best.loss)
          log.best = { loss: validationLoss, step: entry.step };
        bestPhase = entry.phase;
      }
  } catch (error) {
    problems.push(`log.jsonl cannot be read: ${(error as Error).message}`);
  }
  if (faulty > 0)
    problems.push(
      `log.jsonl has ${faulty} ${faulty === 1 ? 'line' : 'lines'} that cannot be read, the first of them line ${firstFaulty}`,
    );
  return log;
}

/** Seconds without a sign of life after which a lock of another machine says nothing any more. */
const SILENCE = 300;

/** Whether a living process trains in the folder: one of this machine, or of another that gave a sign of life lately. */
async function isHeld(folder: string): Promise<boolean> {
  const path = join(folder, 'run.lock');
  try {
    const holder = parseJson({ text: await readTextFile({ path, maximumBytes: 65_536 }), name: path });
    const [processId, host] =
      typeof holder === 'object' && holder !== null
        ? [ownValue(holder as Record<string, unknown>, 'process'), ownValue(holder as Record<string, unknown>, 'host')]
        : [];
    if (typeof processId !== 'number' || typeof host !== 'string') return false;
    if (host !== hostname()) return Date.now() - (await stat(path)).mtimeMs < SILENCE * 1000;
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
