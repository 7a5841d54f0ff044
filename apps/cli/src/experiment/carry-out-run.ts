import { parseJson } from '@subtext/core';
import { readTextFile } from '@subtext/core/node';
import {
  askedOf,
  auditModel,
  digestAudit,
  evaluateInFolder,
  hashExamples,
  hashFolder,
  keepOnce,
  measureDrawnThoughts,
  measureFactors,
  measureFewerThoughts,
  measureRecurrences,
  openModel,
  openReasoner,
  parseThoughtSampling,
  type Questions,
  type RunFindings,
  type SampleRecord,
  scoresByKind,
  writeAudit,
} from '@subtext/eval';
import { engineName } from '@subtext/tensor';
import type { Output } from '@subtext/terminal';
import { readRun } from '@subtext/trainer/runs';
import { join } from 'node:path';

import { machineRecord } from '../machine-record';
import { graphRun } from '../pipeline/graph-run';
import { trainRun } from '../pipeline/train-run';
import type { ExperimentTraining } from './experiment-runs';
import type { ExperimentConfiguration } from './experiment-schema';
import type { ExperimentQuestions } from './read-questions';

/** A run that is trained and measured. */
export interface FinishedRun {
  run: ExperimentTraining;
  /** The model's folder. */
  reasoner: string;
  samples: SampleRecord[];
  findings: RunFindings;
}

/** Points of a run's curve that its page keeps. */
const CURVE_POINTS = 100;

/**
 * Trains a run, asks its model the questions, and measures of it what the experiment says. What an earlier start finished is
 * kept; undefined where it was stopped.
 */
export async function carryOutRun({
  run,
  experiment,
  questions,
  output,
  signal,
}: {
  run: ExperimentTraining;
  experiment: ExperimentConfiguration;
  questions: ExperimentQuestions;
  output: Output;
  signal?: AbortSignal;
}): Promise<FinishedRun | undefined> {
  const { name, cell, seed, folder } = run;
  const { status, reasoner } = await trainOne({ run, output, signal });
  if (status === 'stopped') return undefined;
  const modelHash = await hashFolder(reasoner);
  const { batch } = experiment.evaluation;
  const ask = async ({ loaded, place }: { loaded: Questions; place: string }) =>
    await evaluateInFolder({
      loaded: askedOf({ reasoner: { settings: { method: { name: run.kind === 'graphs' ? 'graph' : '' } } }, loaded }),
      folder: join(folder, place),
      modelHash,
      settings: { engine: engineName() },
      batch,
      signal,
      open: async () => {
        const model = await openModel({ folder: reasoner, loaded: [loaded] });
        return { model: model.answering({ signal }), dispose: () => model.dispose() };
      },
      onProgress: ({ done, total, correct }) =>
        output.progress({
          label: `${name}: asking`,
          done,
          total,
          details: `${((100 * correct) / done).toFixed(1)} % right`,
        }),
    }).finally(() => output.endProgress());
  const metric = experiment.evaluation.metric ?? questions.asked.task.metrics[0]!.name;
  const mean = (of: readonly SampleRecord[]) => of.reduce((sum, one) => sum + (one[metric] as number), 0) / of.length;
  const samples = await ask({ loaded: questions.asked, place: 'evaluation' });
  const choice = questions.choice && mean(await ask({ loaded: questions.choice, place: 'choice' }));
  const measured = { reasoner, modelHash, run, experiment, loaded: questions.asked, metric, output, signal };
  const audit = experiment.audit?.of.includes(cell) ? await auditOne(measured) : undefined;
  const fewer = experiment.fewerThoughts?.includes(cell) ? await fewerOf(measured) : undefined;
  const drawn = experiment.drawn?.of.includes(cell) ? await drawnOf(measured) : undefined;
  const recurrences = experiment.recurrences?.of.includes(cell) ? await recurrencesOf(measured) : undefined;
  const factors = experiment.factors?.of.includes(cell) ? await factorsOf(measured) : undefined;
  const path = join(folder, 'finished.json');
  const trained = parseJson({ text: await readTextFile({ path, maximumBytes: 2 ** 20 }), name: path }) as Pick<
    RunFindings,
    'steps' | 'seconds' | 'processorSeconds'
  >;
  return {
    run,
    reasoner,
    samples,
    findings: {
      name,
      cell,
      seed,
      score: mean(samples),
      byKind: scoresByKind({ samples, metric }),
      steps: trained.steps,
      seconds: trained.seconds,
      processorSeconds: trained.processorSeconds,
      choice,
      audit,
      fewer,
      drawn,
      recurrences,
      factors,
      curve: await curveOf(folder),
    },
  };
}

/** Trains a run, or tells what it will take. */
export async function trainOne({
  run,
  output,
  dryRun = false,
  signal,
}: {
  run: ExperimentTraining;
  output: Output;
  dryRun?: boolean;
  signal?: AbortSignal;
}): Promise<{ status: 'finished' | 'stopped' | 'estimated'; reasoner: string }> {
  const shared = { output, label: run.name, dryRun, signal };
  return run.kind === 'graphs'
    ? await graphRun({ configuration: run.configuration, ...shared })
    : await trainRun({ configuration: run.configuration, include: run.include, ...shared });
}

interface Measured {
  reasoner: string;
  modelHash: string;
  run: ExperimentTraining;
  experiment: ExperimentConfiguration;
  loaded: Questions;
  metric: string;
  output: Output;
  signal?: AbortSignal;
}

async function auditOne({ reasoner, modelHash, run, experiment, loaded: all, output, signal }: Measured) {
  const { limit, floor } = experiment.audit!;
  const folder = join(run.folder, 'audit');
  const loaded = { ...all, examples: all.examples.slice(0, limit) };
  const { engine, device, processor, threads, platform, node, subtext, commit } = machineRecord();
  const options = {
    model: reasoner,
    loaded,
    folder,
    floor,
    limit,
    batch: experiment.evaluation.batch,
    probes: false,
    machine: {
      engine: engine ?? engineName(),
      ...(device === null ? {} : { engine_device: device }),
      processor,
      processors: threads,
      platform,
      ...(commit === null ? {} : { subtext_commit: commit }),
    },
    versions: { subtext, node },
    signal,
  };
  return await keepOnce({
    path: join(run.folder, 'audit-digest.json'),
    // What an earlier version kept of an audit says less: it is measured again.
    of: {
      digest: 2,
      modelHash,
      examples: await hashExamples(loaded.examples),
      floor: floor ?? null,
      engine: engineName(),
    },
    measure: async () => {
      const audit = await auditModel({
        ...options,
        onEvent: (told) =>
          told.event === 'progress' && output.progress({ ...told, label: `${run.name}: audit, ${told.label}` }),
      }).finally(() => output.endProgress());
      await writeAudit({ audit, name: run.name, options });
      return digestAudit(audit.result);
    },
  });
}

async function fewerOf({ reasoner: folder, modelHash, run, experiment, loaded, metric, output, signal }: Measured) {
  return await keepOnce({
    path: join(run.folder, 'fewer-thoughts.json'),
    of: { modelHash, examples: await hashExamples(loaded.examples), metric, engine: engineName() },
    measure: async () => {
      const reasoner = await openReasoner({ folder, loaded: [loaded] });
      try {
        return await measureFewerThoughts({
          reasoner,
          loaded: askedOf({ reasoner, loaded }),
          metric,
          batch: experiment.evaluation.batch,
          onProgress: (at) => output.progress({ label: `${run.name}: with fewer thoughts`, ...at }),
          signal,
        });
      } finally {
        output.endProgress();
        reasoner.dispose();
      }
    },
  });
}

async function drawnOf({ reasoner: folder, modelHash, run, experiment, loaded, metric, output, signal }: Measured) {
  const { thoughts: written, seeds } = experiment.drawn!;
  const thoughts = parseThoughtSampling(written);
  const { score } = await keepOnce({
    path: join(run.folder, 'drawn-thoughts.json'),
    of: { modelHash, examples: await hashExamples(loaded.examples), metric, thoughts, seeds, engine: engineName() },
    measure: async () => {
      const model = await openModel({ folder, loaded: [loaded] });
      try {
        return {
          score: await measureDrawnThoughts({
            model,
            thoughts,
            seeds,
            metric,
            batch: experiment.evaluation.batch,
            onProgress: (at) => output.progress({ label: `${run.name}: with drawn thoughts`, ...at }),
            signal,
          }),
        };
      } finally {
        output.endProgress();
        model.dispose();
      }
    },
  });
  return score;
}

async function recurrencesOf({
  reasoner: folder,
  modelHash,
  run,
  experiment,
  loaded,
  metric,
  output,
  signal,
}: Measured) {
  const { counts } = experiment.recurrences!;
  return await keepOnce({
    path: join(run.folder, 'recurrences.json'),
    of: { modelHash, examples: await hashExamples(loaded.examples), metric, counts, engine: engineName() },
    measure: async () => {
      const reasoner = await openReasoner({ folder, loaded: [loaded] });
      try {
        return await measureRecurrences({
          reasoner,
          loaded: askedOf({ reasoner, loaded }),
          counts,
          metric,
          batch: experiment.evaluation.batch,
          onProgress: (at) => output.progress({ label: `${run.name}: with other recurrences`, ...at }),
          signal,
        });
      } finally {
        output.endProgress();
        reasoner.dispose();
      }
    },
  });
}

async function factorsOf({ reasoner: folder, modelHash, run, experiment, loaded, metric, output, signal }: Measured) {
  const { factors } = experiment.factors!;
  return await keepOnce({
    path: join(run.folder, 'factors.json'),
    of: { modelHash, examples: await hashExamples(loaded.examples), metric, factors, engine: engineName() },
    measure: async () => {
      const reasoner = await openReasoner({ folder, loaded: [loaded] });
      try {
        return await measureFactors({
          reasoner,
          loaded,
          factors,
          metric,
          batch: experiment.evaluation.batch,
          onProgress: (at) => output.progress({ label: `${run.name}: with other factors`, ...at }),
          signal,
        });
      } finally {
        output.endProgress();
        reasoner.dispose();
      }
    },
  });
}

/** The loss of what the model itself must write: without an interpreter's, a teacher's or a halting head's. */
async function curveOf(folder: string): Promise<RunFindings['curve']> {
  const { curves } = await readRun(folder);
  const all = curves.curve(curves.measures().includes('answerLoss') ? 'answerLoss' : 'loss');
  const every = Math.max(1, Math.ceil(all.length / CURVE_POINTS));
  return { points: all.filter((_, index) => (index + 1) % every === 0), phases: curves.phases };
}
