import { parseJson, meanAndDeviation } from '@subtext/core';
import { readTextFile, writeFileAtomically } from '@subtext/core/node';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { EvaluationError } from '../errors';
import { isResultsFile } from './result-schema';
import { scoreOf, textHash, type SampleRecord } from './sample-record';

/** The file `results_<date>.json`, in lm-evaluation-harness's shape with Subtext's columns. */
export interface EvaluationResults {
  /** By task: `metric,filter` and `metric_stderr,filter`, and our own columns. */
  results: Record<string, Record<string, number | string | null>>;
  /** By task: its settings. */
  configs: Record<string, Record<string, unknown>>;
  versions: Record<string, string | number>;
  'n-shot': Record<string, number>;
  higher_is_better: Record<string, Record<string, boolean>>;
  /** How many samples the task has and how many were run. */
  'n-samples': Record<string, { original: number; effective: number }>;
  /** The run's settings: model, limit, batch, seeds. */
  config: Record<string, unknown>;
  git_hash: string | null;
  /** Seconds since 1970. */
  date: number;
  /** By task: over the hashes of its samples' documents, prompts and targets. */
  task_hashes: Record<string, string>;
  /** By task: of its data file. */
  data_hashes: Record<string, string>;
  model_name: string;
  model_hash: string | null;
  versions_of_packages: Record<string, string>;
  total_evaluation_time_seconds: number;
}

/** What {@link buildResults} needs of a task. */
export interface TaskRun {
  task: string;
  /** Raised when a change of the task changes its scores. */
  version: string | number;
  samples: readonly SampleRecord[];
  /** Samples that the task has, before a limit. */
  total: number;
  /** By metric. */
  higherIsBetter: Record<string, boolean>;
  /** @default {} */
  config?: Record<string, unknown>;
  /** Hash of the task's data. @default none */
  dataHash?: string;
  /** Records of the data that could not be read at all, such as ones without their image. @default 0 */
  dropped?: number;
  /** Measures over the whole set, such as MMBench's circular accuracy. @default none */
  measures?: Record<string, number>;
}

/** Our own columns, each a mean over the samples. */
const columns = ['generated_tokens', 'generated_tokens_without_tags', 'thoughts', 'forward_passes', 'seconds'] as const;

/**
 * Sums up the samples of tasks. A score's `_stderr` is the sample standard deviation over √n, as in the
 * harness; `unparseable`, `failed` and `dropped` are counts.
 *
 * @throws EvaluationError empty-set for a task without samples; invalid-result-file where samples have other metrics.
 */
export function buildResults({
  tasks,
  modelName,
  modelHash = null,
  gitHash = null,
  date = new Date(),
  config = {},
  packageVersions = {},
  seconds,
}: {
  tasks: readonly TaskRun[];
  modelName: string;
  /** @default null */
  modelHash?: string | null;
  /** @default null */
  gitHash?: string | null;
  /** @default now */
  date?: Date;
  /** The run's settings. @default {} */
  config?: Record<string, unknown>;
  /** @default {} */
  packageVersions?: Record<string, string>;
  /** What the run took. @default the samples' seconds */
  seconds?: number;
}): EvaluationResults {
  const results: EvaluationResults = {
    results: {},
    configs: {},
    versions: {},
    'n-shot': {},
    higher_is_better: {},
    'n-samples': {},
    config: { model: modelName, ...config },
    git_hash: gitHash,
    date: date.getTime() / 1000,
    task_hashes: {},
    data_hashes: {},
    model_name: modelName,
    model_hash: modelHash,
    versions_of_packages: packageVersions,
    total_evaluation_time_seconds:
      seconds ??
      tasks.reduce((sum, { samples }) => sum + samples.reduce((part, sample) => part + sample.seconds, 0), 0),
  };
  for (const {
    task,
    version,
    samples,
    total,
    higherIsBetter,
    config: settings = {},
    dataHash,
    dropped = 0,
    measures = {},
  } of tasks) {
    const first = samples[0];
    if (first === undefined)
      throw new EvaluationError({
        code: 'empty-set',
        message: `Task "${task}" has no samples; check its data and the limit.`,
      });
    const entry: Record<string, number | string | null> = { alias: task };
    const filter = first.filter;
    for (const metric of first.metrics) {
      const { mean, standardError } = meanAndDeviation(samples.map((sample) => scoreOf(sample, metric)));
      entry[`${metric},${filter}`] = mean;
      entry[`${metric}_stderr,${filter}`] = samples.length > 1 ? standardError : null;
    }
    for (const name of Object.keys(first.filters ?? {})) {
      const taken = samples.map((sample) => sample.filters?.[name]);
      const { mean, standardError } = meanAndDeviation(taken.map((one) => (one?.correct === true ? 1 : 0)));
      entry[`exact_match,${name}`] = mean;
      entry[`exact_match_stderr,${name}`] = samples.length > 1 ? standardError : null;
      entry[`unparseable,${name}`] = samples.filter(
        (sample, index) => sample.error === undefined && (taken[index]?.extracted ?? null) === null,
      ).length;
    }
    for (const [name, value] of Object.entries(measures)) entry[`${name},${filter}`] = value;
    for (const column of columns) {
      const { mean, standardError } = meanAndDeviation(samples.map((sample) => sample[column]));
      entry[`${column},${filter}`] = mean;
      entry[`${column}_stderr,${filter}`] = samples.length > 1 ? standardError : null;
    }
    entry[`unparseable,${filter}`] = samples.filter((sample) => sample.unparseable).length;
    entry[`failed,${filter}`] = samples.filter((sample) => sample.error !== undefined).length;
    entry[`dropped,${filter}`] = dropped;
    results.results[task] = entry;
    results.configs[task] = { task, ...settings };
    results.versions[task] = version;
    results['n-shot'][task] = 0;
    results.higher_is_better[task] = higherIsBetter;
    results['n-samples'][task] = { original: total, effective: samples.length };
    results.task_hashes[task] = textHash(
      samples.map((sample) => sample.doc_hash + sample.prompt_hash + sample.target_hash).join(''),
    );
    if (dataHash !== undefined) results.data_hashes[task] = dataHash;
  }
  return results;
}

/** A date as result files name it: `2026-11-23T18-51-44.123000`. */
export function fileDate(date: Date): string {
  return date.toISOString().replace('Z', '000').replaceAll(':', '-');
}

/** Writes `results_<date>.json` into a folder, whole or not at all, and returns its path. */
export async function writeResults({
  folder,
  results,
}: {
  folder: string;
  results: EvaluationResults;
}): Promise<string> {
  const path = join(folder, `results_${fileDate(new Date(results.date * 1000))}.json`);
  await mkdir(folder, { recursive: true });
  await writeFileAtomically({ path, data: `${JSON.stringify(results, null, 2)}\n` });
  return path;
}

/** A results file holds means, never samples. */
const mostBytes = 64 * 2 ** 20;

/** Reads a results file of ours or the harness's. @throws EvaluationError invalid-result-file; FileError */
export async function readResults({ path }: { path: string }): Promise<EvaluationResults> {
  const text = await readTextFile({ path, maximumBytes: mostBytes });
  let value: unknown;
  try {
    value = parseJson({ text, name: path });
  } catch (error) {
    throw new EvaluationError({
      code: 'invalid-result-file',
      message: `${path} cannot be read as JSON: ${(error as Error).message}`,
      cause: error,
    });
  }
  if (!isResultsFile(value)) {
    throw new EvaluationError({
      code: 'invalid-result-file',
      message: `${path} has no "results" of tasks by metric; give a results_<date>.json.`,
    });
  }
  return value as EvaluationResults;
}
