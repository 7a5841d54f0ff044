import { writeFileAtomically } from '@subtext/core/node';
import type { Steering, ThoughtSampling } from '@subtext/reasoner';
import { engineName } from '@subtext/tensor';
import { join } from 'node:path';

import { renderReport } from '../report/render-report';
import { buildResults, type EvaluationResults, writeResults } from '../results/evaluation-results';
import { gitHash } from '../results/git-commit';
import { inRunFolder } from '../results/in-run-folder';
import { reportImages } from '../results/report-images';
import type { RunFolder } from '../results/run-folder';
import { runMarkdown, runSections } from '../results/run-sections';
import type { SampleRecord } from '../results/sample-record';
import type { JudgeEndpoint } from '../tasks/judge/judge-endpoint';
import type { Questions } from '../tasks/load-questions';
import { answerTask } from './answer-task';
import { answeringOf, generationOf, settingsOf } from './evaluation-settings';
import { mergeShards, requireWhole } from './merge-shards';
import type { EvaluationListener } from './evaluation-event';
import type { OpenedModel } from './open-model';

/** What computes, for the files of results. */
export interface MadeWith {
  /** The engine's device, the processor, Subtext's commit where it is known. @default the engine */
  machine?: Record<string, string | number>;
  /** @default Node's */
  versions?: Record<string, string>;
}

/** What a result was made with, as far as it is known here. */
export function madeWith({ machine, versions }: MadeWith): Required<MadeWith> {
  return { machine: machine ?? { engine: engineName() }, versions: versions ?? { node: process.versions.node } };
}

/** Options of {@link evaluateModel}. */
export interface EvaluateModelOptions extends MadeWith {
  /** The model, with what it is asked. */
  model: Pick<OpenedModel<Questions>, 'method' | 'loaded' | 'answering'> &
    Partial<Pick<OpenedModel<Questions>, 'dtype'>>;
  /** As results name it. */
  modelName: string;
  /** Of its folder: samples of another model are not mixed in. */
  modelHash: string;
  /** Where samples, results and the report go; one that was begun is resumed. */
  folder: string;
  /** Questions side by side. @default 32 */
  batch?: number;
  /** The limit that the questions were read with, for the record. @default none */
  limit?: number;
  /** @default 0: greedy */
  temperature?: number;
  /** Of the draws. @default 0 */
  seed?: number;
  /** How continuous thoughts are drawn. @default they are not */
  thoughts?: ThoughtSampling;
  /** Most tokens of a response. @default the model's own limit */
  maximumTokens?: number;
  /** How often the core of a recurrent reasoner is run. @default as its method says */
  recurrences?: number;
  /** A recurrent reasoner halts once it finds its answer right with this probability. @default it takes all its recurrences */
  haltFrom?: number;
  /** Tokens of the chain that a thought of a reasoner of the method `colar` stands for. @default as its method says */
  factor?: number;
  /** A direction that is added to the thoughts of a stage. @default none */
  steering?: Steering;
  /** Names of the filters that the tasks were narrowed to, for the record. @default all */
  filters?: readonly string[];
  /** For tasks that a judge scores. @default none */
  judge?: JudgeEndpoint;
  /** Answers nothing: puts together what shards of the run have answered. @default false */
  mergeOnly?: boolean;
  onEvent?: EvaluationListener;
  /** Stops between batches; finished samples are kept. */
  signal?: AbortSignal;
}

/** A finished evaluation with the files that it wrote. */
export interface ModelEvaluation {
  results: EvaluationResults;
  /** By task, in the order that they were asked. */
  samples: SampleRecord[][];
  markdown: string;
  /** `results_<date>.json` */
  path: string;
  /** `report.html` */
  report: string;
}

/** Pictures that a report shows of a task. */
const SHOWN = 12;

/**
 * Asks a model its tasks, scores what it answers, and writes results and a report. One folder is one run: what it has is
 * not asked again.
 *
 * @throws EvaluationError invalid-result-file where the folder holds another run; judge-missing, judge-failed.
 */
export function evaluateModel(options: EvaluateModelOptions): Promise<ModelEvaluation> {
  const { model, folder, onEvent, mergeOnly = false } = options;
  const generation = generationOf(options);
  return inRunFolder({
    folder,
    modelHash: options.modelHash,
    loaded: model.loaded,
    settings: settingsOf(options),
    work: async ({ run, hashes }) => {
      if (run.resumed) onEvent?.({ event: 'resumed', folder });
      const { merged } = await mergeShards({ run, tasks: model.loaded.map(({ task }) => task.name) });
      if (merged > 0) onEvent?.({ event: 'merged', samples: merged });
      const answering = answeringOf(options);
      const samples: SampleRecord[][] = [];
      for (const loaded of model.loaded) {
        if (mergeOnly) await requireMerged({ run, loaded });
        samples.push(await answerTask({ ...options, loaded, run, model: answering, generation }));
      }
      return await writeEvaluation({ ...options, run, hashes, samples, generation });
    },
  });
}

/** Throws `incomplete` where not all samples of a task are there. */
async function requireMerged({
  run,
  loaded: { task, examples },
}: {
  run: RunFolder;
  loaded: Questions;
}): Promise<void> {
  const file = await run.samples(task.name);
  try {
    requireWhole({ task: task.name, samples: examples.map(({ id }) => file.finished.get(id)), folder: run.folder });
  } finally {
    await file.close();
  }
}

/** `results_<date>.json`, `results.md` and `report.html`. */
async function writeEvaluation({
  model,
  modelName,
  modelHash,
  folder,
  run,
  hashes,
  samples,
  generation,
  limit,
  batch = 32,
  judge,
  ...made
}: EvaluateModelOptions & {
  run: RunFolder;
  hashes: ReadonlyMap<string, string>;
  samples: SampleRecord[][];
  generation: Record<string, unknown>;
}): Promise<ModelEvaluation> {
  const { machine, versions } = madeWith(made);
  const results = buildResults({
    tasks: model.loaded.map(({ task, total, faults, dataHash, path }, index) => ({
      task: task.name,
      version: task.version,
      samples: samples[index]!,
      total,
      higherIsBetter: Object.fromEntries(task.metrics.map(({ name, higherIsBetter }) => [name, higherIsBetter])),
      config: {
        dataset_path: path,
        generation_kwargs: generation,
        description: task.description,
        examples_hash: hashes.get(task.name),
        ...(task.filters === undefined
          ? {}
          : { filter: task.filter, filter_list: task.filters.map(({ name, description }) => ({ name, description })) }),
      },
      ...(dataHash === null ? {} : { dataHash }),
      dropped: faults.dropped,
      measures: task.measure?.(samples[index]!) ?? {},
    })),
    modelName,
    modelHash,
    gitHash: await gitHash({ folder: '.' }),
    date: run.date,
    config: {
      method: model.method,
      limit: limit ?? null,
      batch,
      generation,
      ...machine,
      ...(judge ? { judge: judge.model } : {}),
    },
    packageVersions: versions,
  });
  const path = await writeResults({ folder, results });
  const tasks = await Promise.all(
    model.loaded.map(async ({ task, examples }, index) => ({
      task: task.name,
      samples: samples[index]!,
      metric: task.metrics[0]?.name,
      images: await reportImages({ examples, count: SHOWN }),
    })),
  );
  const markdown = runMarkdown({ results, tasks });
  await writeFileAtomically({ path: join(folder, 'results.md'), data: markdown });
  const report = join(folder, 'report.html');
  await writeFileAtomically({
    path: report,
    data: renderReport({
      title: `Evaluation of ${modelName}`,
      summary: `${tasks.map(({ task, samples: own }) => `${task}: ${own.length} samples`).join('; ')}. Method: ${model.method}.`,
      sections: runSections({ results, tasks }),
    }),
  });
  return { results, samples, markdown, path, report };
}
