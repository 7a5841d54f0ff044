import { readdir, readFile, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** A line of `log.jsonl`. */
export interface LoggedStep {
  step: number;
  phase?: number;
  phaseName?: string;
  loss?: number | null;
  validationLoss?: number | null;
  /** Whether the validation loss was the lowest of its phase. */
  best?: boolean;
  skipped?: boolean;
  [measure: string]: unknown;
}

/** `running`: a process of this machine holds the folder. `stopped`: starting the same command again goes on. `broken`: what is wrong stands in `problems`. */
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
  /** The last that were logged. */
  loss?: number;
  validationLoss?: number;
  /** The lowest validation loss, of the last phase that has any. */
  best?: { loss: number; step: number };
  /** Of the session that finished it. */
  seconds?: number;
  /** Of the last line of the log, in milliseconds since 1970. */
  written?: number;
  configuration?: Record<string, unknown>;
  log: LoggedStep[];
  problems: string[];
}

/** What a run's folder has, one of them at least. */
const marks = ['configuration.json', 'log.jsonl'] as const;

/** Folders within a run, or too full to be looked into. */
const passedOver = new Set(['reasoner', 'initial', 'checkpoints', 'images', 'tensorboard', 'wandb', 'node_modules', '.git']);

/** How deep runs are looked for below a folder. */
const DEPTH = 3;

/** The runs in a folder: itself, or those below it. Throws where the folder cannot be read. */
export async function findRuns(folder: string): Promise<string[]> {
  const look = async (at: string, depth: number): Promise<string[]> => {
    const entries = await readdir(at, { withFileTypes: true });
    if (marks.some((mark) => entries.some((entry) => entry.name === mark && entry.isFile()))) return [at];
    if (depth === 0) return [];
    const below = entries.filter((entry) => entry.isDirectory() && !passedOver.has(entry.name) && !entry.name.startsWith('.')).map(({ name }) => join(at, name)).sort();
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
  const last = log.at(-1);
  const validated = log.filter(({ validationLoss }) => typeof validationLoss === 'number');
  const lastPhase = validated.at(-1)?.phase;
  const best = validated.filter(({ phase }) => phase === lastPhase).reduce<LoggedStep | undefined>((lowest, line) => (lowest === undefined || line.validationLoss! < lowest.validationLoss! ? line : lowest), undefined);
  const method = configuration?.method as { name?: unknown } | undefined;
  const state: RunState = problems.length > 0 ? 'broken' : finished !== undefined ? 'finished' : (await isHeld(folder)) ? 'running' : 'stopped';
  return {
    folder,
    state,
    method: textOf(method?.name),
    engine: textOf(configuration?.engine),
    seed: numberOf(configuration?.seed),
    phase: last?.phaseName === undefined ? undefined : { name: last.phaseName, number: (last.phase ?? 0) + 1 },
    step: numberOf(finished?.steps) ?? last?.step ?? 0,
    skippedSteps: numberOf(finished?.skippedSteps) ?? log.filter(({ skipped }) => skipped === true).length,
    loss: numberOf(log.findLast(({ loss }) => typeof loss === 'number')?.loss),
    validationLoss: numberOf(validated.at(-1)?.validationLoss),
    best: best && { loss: best.validationLoss!, step: best.step },
    seconds: numberOf(finished?.seconds),
    written: await stat(join(folder, 'log.jsonl')).then(({ mtimeMs }) => mtimeMs, () => undefined),
    configuration,
    log,
    problems,
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

/** An object in a JSON file of the run; undefined where there is no such file. */
async function readJson({ folder, name, problems }: { folder: string; name: string; problems: string[] }): Promise<Record<string, unknown> | undefined> {
  let text: string;
  try {
    text = await readFile(join(folder, name), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') problems.push(`${name} cannot be read: ${(error as Error).message}`);
    return undefined;
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    problems.push(`${name} is not an object`);
  } catch (error) {
    problems.push(`${name} is not JSON: ${(error as Error).message}`);
  }
  return undefined;
}

async function readLog({ path, problems }: { path: string; problems: string[] }): Promise<LoggedStep[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') problems.push(`log.jsonl cannot be read: ${(error as Error).message}`);
    return [];
  }
  const lines = text.split('\n');
  // A last line without its end is one that is being written.
  lines.pop();
  const log: LoggedStep[] = [];
  const faulty: number[] = [];
  for (const [index, line] of lines.entries()) {
    try {
      const entry = JSON.parse(line) as LoggedStep;
      if (typeof entry?.step !== 'number') throw new SyntaxError('no step');
      log.push(entry);
    } catch {
      faulty.push(index + 1);
    }
  }
  if (faulty.length > 0) problems.push(`log.jsonl has ${faulty.length} ${faulty.length === 1 ? 'line' : 'lines'} that cannot be read, the first of them line ${faulty[0]}`);
  return log;
}

/** Whether a living process of this machine trains in the folder. */
async function isHeld(folder: string): Promise<boolean> {
  try {
    const { process: holder, host } = JSON.parse(await readFile(join(folder, 'run.lock'), 'utf8')) as { process?: number; host?: string };
    if (host !== hostname() || typeof holder !== 'number') return host !== undefined;
    process.kill(holder, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
