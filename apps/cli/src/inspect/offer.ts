import { detectFormat, readExamples, type ReasoningExample } from '@subtext/data';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';

import { auditOf, type ServedAudit } from './audits';
import { answersGraphs, asGraphs, generateGraphs } from './graph-examples';
import { runsIn, type ServedRun } from './runs';
import { ServedPictures } from './served-pictures';

/** A file that the page may read, by its place in a list: no path comes from outside. */
export interface ServedFile {
  path: string;
  /** Its name in the folder, with `/`. */
  name: string;
  size: number;
}

/** Everything that an inspector's page may read. */
export interface Served {
  models: { folder: string; files: ServedFile[]; audit?: ServedAudit }[];
  data?: string;
  examples: ReasoningExample[];
  runs: ServedRun[];
  /** Picture files of runs and their galleries, which name them by their places here. */
  pictures: string[];
  /** What could not be read. */
  problems: string[];
}

/** What a model folder has that a loader reads. */
const modelFile = /\.(json|safetensors|bin|jinja|txt|model)$/;
/** The most files of a folder, and how deep they lie: `interpreters/shared/config.json`. */
const MOST_FILES = 200;
const DEPTH = 3;

/** Reads what a page may show: a model's files by name, examples, runs. Throws what data that was named throws. */
export async function findServed({
  models,
  data,
  runs,
  audits = [],
  limit,
}: {
  models: readonly string[];
  /** A folder or file of examples. @default the folder `data` beside the first model, where there is one; for a model of graphs, generated ones */
  data?: string;
  /** Folders of runs. */
  runs: readonly string[];
  /** Folders of audits. @default those beside the models */
  audits?: readonly string[];
  /** Examples that are read. */
  limit: number;
}): Promise<Served> {
  const problems: string[] = [];
  const beside = models[0] === undefined ? undefined : join(dirname(models[0]), 'data');
  const path = data ?? (beside !== undefined && (await isFile(join(beside, 'test.jsonl'))) ? beside : undefined);
  const graphs = models[0] !== undefined && (await answersGraphs(models[0]));
  const read = path === undefined ? [] : await examplesIn({ path, limit, named: data !== undefined, problems });
  const examples = !graphs ? read : path === undefined ? generateGraphs({ limit }) : asGraphs(read);
  const dataFolder = path !== undefined && (await isFile(path)) ? dirname(path) : path;
  const pictures = new ServedPictures({ folders: [...runs, ...(dataFolder === undefined ? [] : [dataFolder])] });
  return {
    models: await Promise.all(
      models.map(async (folder) => {
        const files = await filesIn(folder);
        return {
          folder,
          files,
          audit: await auditOf({ model: folder, files, named: audits, only: models.length === 1 }),
        };
      }),
    ),
    data: examples.length > 0 ? (path ?? 'generated graphs') : undefined,
    examples,
    runs: await runsIn({ folders: runs, examples, pictures, problems }),
    pictures: pictures.paths,
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

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
