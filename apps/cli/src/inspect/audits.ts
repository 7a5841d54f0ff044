import { readTextFile } from '@subtext/core/node';
import { hashFolder } from '@subtext/eval';
import { readdir, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative } from 'node:path';

/** What an audit said of a model's thoughts, as far as the page shows it. */
export interface ServedAudit {
  /** The file it was read from: relative where it is below the current folder. */
  file: string;
  /** What it asked; empty where the file does not say. */
  task: string;
  /** Examples that were asked; null where the file does not say. */
  count: number | null;
  /** Of all thoughts together; null where only stages were audited. */
  thoughts: ServedVerdict | null;
  stages: ({ stage: string } & ServedVerdict)[];
  /** What was told in words, stage by stage. */
  words: { stage: string; edit: string; follows: ServedShare | null; stays: ServedShare | null }[];
  /** Whether the model has changed since; null where the file does not say of which weights it is. */
  old: boolean | null;
}

/** A verdict and what it rests on. */
export interface ServedVerdict {
  verdict: string;
  /** False where there were too few examples to tell it from its neighbour. */
  certain: boolean;
  evidence: string[];
  /** What of the answers `share` is. */
  measure: 'follows' | 'changes' | 'depends' | null;
  share: ServedShare | null;
}

/** A share with its 95 % interval, each from 0 to 1, and of how many examples. */
export interface ServedShare {
  value: number;
  interval: [number, number];
  count: number | null;
}

/** The most bytes of an audit's file, and of weights that are read to see whether they are those that were audited. */
const MOST_BYTES = 2 ** 24;
const MOST_HASHED = 2 ** 29;

/**
 * The last audit of a model: of the folders that were named, or those of `subtext-eval audit` that lie beside the model or
 * its run, the newest that is of this model; else what the run that made it, or the start that it is of, measured itself.
 */
export async function auditOf({
  model,
  files,
  named,
  only,
}: {
  /** The model's folder. */
  model: string;
  /** What the model's folder holds. */
  files: readonly { size: number }[];
  /** Folders of audits. */
  named: readonly string[];
  /** Whether no other model is served: a folder that was named is then of this one. */
  only: boolean;
}): Promise<ServedAudit | undefined> {
  const folder = await realpath(model);
  const run = dirname(folder);
  const beside = [...(await foldersIn(run)), ...(await foldersIn(dirname(run)))];
  const small = files.reduce((sum, { size }) => sum + size, 0) <= MOST_HASHED;
  let hash: Promise<string> | undefined;
  const found: { audit: ServedAudit; named: boolean; time: number }[] = [];
  for (const [at, isNamed] of [
    ...named.map((one) => [one, true] as const),
    ...beside.map((one) => [one, false] as const),
  ]) {
    const file = join(at, 'audit.json');
    const time = await changedAt(file);
    const audit = time === undefined ? undefined : await readAudit(file);
    if (time === undefined || audit === undefined) continue;
    const samePlace = (await realpath(audit.model).catch(() => undefined)) === folder;
    const audited = await auditedHash(join(at, 'run.json'));
    const same = audited === null || !small ? null : audited === (await (hash ??= hashFolder(folder)));
    if (same !== true && !samePlace && !(isNamed && only)) continue;
    found.push({ audit: { ...audit, old: same === null ? null : !same }, named: isNamed, time });
  }
  const [last] = found.sort((one, other) => Number(other.named) - Number(one.named) || other.time - one.time);
  return last?.audit ?? (await readAudit(join(run, 'use.json'))) ?? (await readAudit(join(run, 'heima', 'use.json')));
}

/**
 * Reads what `subtext-eval audit` (`audit.json`) or a run (`use.json`) says of thoughts; undefined where there is none, and
 * where it is none: whatever a file says becomes text and numbers, or is left out.
 */
export async function readAudit(path: string): Promise<(ServedAudit & { model: string }) | undefined> {
  try {
    if ((await changedAt(path)) === undefined) return undefined;
    const told = record(JSON.parse(await readTextFile({ path, maximumBytes: MOST_BYTES })));
    const thoughts = told && record(told.thoughts);
    const stages = list(told?.stages).flatMap((value) => {
      const stage = record(value);
      if (typeof stage?.stage !== 'string') return [];
      const swap = record(stage.swap);
      const measure = record(swap?.follows) ? 'follows' : record(swap?.changes) ? 'changes' : null;
      return [
        { stage: stage.stage, ...verdictOf(stage, { measure, share: swap?.[measure ?? ''], count: stage.pairs }) },
      ];
    });
    if (told === undefined || (stages.length === 0 && thoughts === undefined)) return undefined;
    const dependence = record(thoughts?.dependence);
    return {
      file: fromHere(path),
      model: String(told.model ?? ''),
      task: typeof told.task === 'string' ? told.task : '',
      count: wholeNumber(told.count),
      thoughts:
        thoughts === undefined
          ? null
          : verdictOf(thoughts, {
              measure: dependence === undefined ? null : 'depends',
              share: dependence,
              count: dependence?.count,
            }),
      stages,
      words: list(told.words).flatMap((value) => {
        const words = record(value);
        if (typeof words?.stage !== 'string') return [];
        const [follows, stays] = [words.follows, words.stays].map((one) => shareOf(one, record(one)?.count));
        return [{ stage: words.stage, edit: String(words.edit), follows: follows!, stays: stays! }];
      }),
      old: null,
    };
  } catch {
    // What is no audit says nothing.
    return undefined;
  }
}

/** A path as the user would type it; exported pages then name no folder above the current one. */
function fromHere(path: string): string {
  const below = relative(process.cwd(), path);
  return below.startsWith('..') || isAbsolute(below) ? path : below;
}

function verdictOf(
  { verdict, certain, evidence }: Record<string, unknown>,
  { measure, share, count }: { measure: ServedVerdict['measure']; share: unknown; count: unknown },
): ServedVerdict {
  const found = measure === null ? null : shareOf(share, count);
  return {
    verdict: String(verdict),
    certain: certain === true,
    evidence: list(evidence).map(String),
    measure: found === null ? null : measure,
    share: found,
  };
}

function shareOf(value: unknown, count: unknown): ServedShare | null {
  const share = record(value);
  const [low, high] = list(share?.interval);
  if (![share?.value, low, high].every((one) => typeof one === 'number')) return null;
  return { value: share!.value as number, interval: [low as number, high as number], count: wholeNumber(count) };
}

const record = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const wholeNumber = (value: unknown) => (Number.isInteger(value) ? (value as number) : null);

/** The hash of the model that a folder of results is of; null where it does not say. */
async function auditedHash(path: string): Promise<string | null> {
  try {
    const { identity } = JSON.parse(await readTextFile({ path, maximumBytes: MOST_BYTES })) as Record<string, unknown>;
    const hash = record(identity)?.modelHash;
    return typeof hash === 'string' ? hash : null;
  } catch {
    return null;
  }
}

async function changedAt(path: string): Promise<number | undefined> {
  return stat(path).then(
    (found) => (found.isFile() ? found.mtimeMs : undefined),
    () => undefined,
  );
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
}
