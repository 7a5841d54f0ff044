import { readTextFile } from '@subtext/core/node';
import { detectFormat, readExamples, type ReasoningExample } from '@subtext/data';
import { findRuns, readRun } from '@subtext/trainer/runs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';

import { measuresIn, runTable } from '../training-runs/run-table';

/** A file that the page may read, by its place in a list: no path comes from outside. */
export interface ServedFile {
  path: string;
  /** Its name in the folder, with `/`. */
  name: string;
  size: number;
}

/** Everything that an inspector's page may read. */
export interface Served {
  models: { folder: string; files: ServedFile[]; audit?: StageAudit[] }[];
  data?: string;
  examples: ReasoningExample[];
  runs: ServedRun[];
  /** What could not be read. */
  problems: string[];
}

/** What an audit said of a stage. */
interface StageAudit {
  stage: string;
  verdict: string;
  evidence: string[];
}

interface ServedRun {
  name: string;
  facts: Record<string, string>;
  curves: Record<string, { step: number; value: number }[]>;
  problems: string[];
  tables: { title: string; columns: string[]; rows: (string | number | null)[][] }[];
}

/** What a model folder has that a loader reads. */
const modelFile = /\.(json|safetensors|bin|jinja|txt|model)$/;
/** The most files of a folder, and how deep they lie: `interpreters/shared/config.json`. */
const MOST_FILES = 200;
const DEPTH = 3;
/** Points of a curve that a page is given. */
const POINTS = 600;

/** Reads what a page may show: a model's files by name, examples, runs. Throws what data that was named throws. */
export async function findServed({
  models,
  data,
  runs,
  limit,
}: {
  models: readonly string[];
  /** A folder or file of examples. @default the folder `data` beside the first model, where there is one */
  data?: string;
  /** Folders of runs. */
  runs: readonly string[];
  /** Examples that are read. */
  limit: number;
}): Promise<Served> {
  const problems: string[] = [];
  const beside = models[0] === undefined ? undefined : join(dirname(models[0]), 'data');
  const path = data ?? (beside !== undefined && (await isFile(join(beside, 'test.jsonl'))) ? beside : undefined);
  const examples = path === undefined ? [] : await examplesIn({ path, limit, named: data !== undefined, problems });
  return {
    models: await Promise.all(
      models.map(async (folder) => ({ folder, files: await filesIn(folder), audit: await auditOf(folder) })),
    ),
    data: examples.length > 0 ? path : undefined,
    examples,
    runs: await runsIn({ folders: runs, problems }),
    problems,
  };
}

async function filesIn(folder: string): Promise<ServedFile[]> {
  const root = await realpath(folder);
  const files: ServedFile[] = [];
  const look = async (at: string, depth: number): Promise<void> => {
    for (const entry of (await readdir(at, { withFileTypes: true })).sort((one, other) =>
      one.name < other.name ? -1 : 1,
    )) {
      const path = join(at, entry.name);
      if (entry.isDirectory()) {
        if (depth > 1 && !entry.name.startsWith('.') && entry.name !== 'checkpoints') await look(path, depth - 1);
        continue;
      }
      if (!modelFile.test(entry.name) || files.length >= MOST_FILES) continue;
      // The cache of the Hub holds links, which lead to files of its own; what else a link leads to is not the folder's.
      const found = await stat(path).catch(() => undefined);
      if (!found?.isFile() || (entry.isSymbolicLink() && !(await staysIn({ path, root })))) continue;
      files.push({ path, name: relative(root, path).split(sep).join('/'), size: found.size });
    }
  };
  await look(root, DEPTH);
  return files;
}

/** Whether a link stays in its folder, or in the model's folder of the Hub's cache (`snapshots/…` links to `blobs/…`). */
async function staysIn({ path, root }: { path: string; root: string }): Promise<boolean> {
  const target = await realpath(path);
  const cached = basename(dirname(root)) === 'snapshots' ? join(dirname(dirname(root)), 'blobs') : root;
  return [root, cached].some((folder) => target.startsWith(`${folder}${sep}`));
}

async function examplesIn({
  path,
  limit,
  named,
  problems,
}: {
  path: string;
  limit: number;
  /** Whether the user named it: then a fault ends the command. */
  named: boolean;
  problems: string[];
}): Promise<ReasoningExample[]> {
  try {
    const test = join(path, 'test.jsonl');
    const file = (await isFile(test)) ? test : path;
    const scenes = await isFile(file.replace(/\.jsonl$/, '.facts.jsonl'));
    const format = scenes ? 'scenes' : await detectFormat(file);
    const { examples, faults } = await readExamples({ path: file, format, faults: 0.5, limit });
    problems.push(...faults);
    return examples;
  } catch (error) {
    if (named) throw error;
    problems.push(`${path}: ${(error as Error).message}`);
    return [];
  }
}

/** What the run that made a model, or the start that it is of, measured of its thoughts. */
async function auditOf(folder: string): Promise<StageAudit[] | undefined> {
  const above = dirname(await realpath(folder));
  return (await readAudit(join(above, 'use.json'))) ?? (await readAudit(join(above, 'heima', 'use.json')));
}

/** Undefined where there is none. */
async function readAudit(path: string): Promise<StageAudit[] | undefined> {
  if (!(await isFile(path))) return undefined;
  try {
    const { stages } = JSON.parse(await readTextFile({ path, maximumBytes: 2 ** 22 })) as { stages?: StageAudit[] };
    return stages?.map(({ stage, verdict, evidence }) => ({
      stage: String(stage),
      verdict: String(verdict),
      evidence: Array.isArray(evidence) ? evidence.map(String) : [],
    }));
  } catch {
    // What is no audit says nothing.
    return undefined;
  }
}

async function runsIn({ folders, problems }: { folders: readonly string[]; problems: string[] }): Promise<ServedRun[]> {
  const found: ServedRun[] = [];
  for (const folder of folders) {
    const runs = await findRuns(folder);
    if (runs.length === 0) problems.push(`${folder} holds no run: no configuration.json or log.jsonl in it.`);
    for (const at of runs) {
      const run = await readRun(at);
      const { header, rows } = runTable({ runs: [run] });
      found.push({
        name: relative(folder, at) || basename(at),
        facts: Object.fromEntries(header.slice(1).map((name, index) => [name, rows[0]![index + 1]!])),
        curves: Object.fromEntries(
          measuresIn([run]).map((measure) => [
            measure,
            thinned(run.curves.curve(measure)).map(({ x, y }) => ({ step: x, value: y })),
          ]),
        ),
        problems: run.problems,
        tables: await tablesOf(at),
      });
    }
  }
  return found;
}

/** What a run measured of its thoughts. */
async function tablesOf(folder: string): Promise<ServedRun['tables']> {
  const stages = await readAudit(join(folder, 'use.json'));
  if (stages === undefined || stages.length === 0) return [];
  return [
    {
      title: `${basename(folder)}: are its thoughts used?`,
      columns: ['stage', 'verdict', 'why'],
      rows: stages.map(({ stage, verdict, evidence }) => [stage, verdict, evidence.join(' ')]),
    },
  ];
}

/** At most {@link POINTS} of a curve, the last among them. */
function thinned<Point>(points: readonly Point[]): Point[] {
  const step = Math.ceil(points.length / POINTS);
  return points.filter((_, index) => index % step === 0 || index === points.length - 1);
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
