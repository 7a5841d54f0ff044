import { contentKey, generateProsQA, graphShapeKey, type GraphFacts, type ReasoningExample } from '@subtext/data';
import {
  createMethod,
  type GraphExample,
  graphExample,
  graphReasoner,
  GraphVocabulary,
  type GraphModelOptions,
} from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';
import { duration, type Output, UsageError } from '@subtext/terminal';
import {
  createProgram,
  defaultWorkers,
  graphPhases,
  methodObjectives,
  programSource,
  RunFolder,
  type RunIdentity,
  train,
} from '@subtext/trainer';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

import type { GraphConfiguration } from '../configuration/graph-schema';
import { machineRecord } from '../machine-record';
import { estimateRun, printEstimate } from './estimate-run';
import { writeCard } from './model-card';
import { readExamples } from './read-examples';
import { configurationText, differencesFrom } from './saved-configuration';

/** What a run over graphs left. */
export interface GraphRunResult {
  /** `estimated`: nothing was trained. */
  status: 'finished' | 'stopped' | 'estimated';
  /** The reasoner's folder. */
  reasoner: string;
  /** `log.jsonl`. */
  log: string;
}

/**
 * Trains a model on graphs as a configuration says: generates or reads them, leaves out what is held out, trains through
 * the phases, saves. A run that is finished is not repeated; one that was interrupted is resumed.
 */
export async function graphRun({
  configuration,
  output,
  overwrite = false,
  dryRun = false,
  signal,
}: {
  configuration: GraphConfiguration;
  output: Output;
  /** Whether a finished run, or one of other settings, is deleted and replaced. @default false */ overwrite?: boolean;
  /** Tells what the run will take, and writes nothing. @default false */ dryRun?: boolean;
  signal?: AbortSignal;
}): Promise<GraphRunResult> {
  await useEngine({ engine: configuration.engine });
  const { output: folder, training, method, model, seed } = configuration;
  const result = { reasoner: join(folder, 'reasoner'), log: join(folder, 'log.jsonl') };
  const { examples, left } = await readGraphs(configuration);
  if (left > 0)
    output.notice(
      `${left} graphs were left out of training: they stand in ${configuration.data.heldOut.join(', ')} too.`,
    );
  const identity = fingerprintOf({ configuration, examples });
  const run = {
    folder,
    ...identity,
    overwrite,
    describe: (found: { folder: string; parts: readonly string[] }) => differencesFrom({ configuration, ...found }),
  };
  if (!dryRun && (await RunFolder.inspect(run)).state === 'finished') return { ...result, status: 'finished' };
  const options: GraphModelOptions = { form: method.form, seed, ...model };
  if (model.width % model.heads !== 0)
    throw new UsageError(`model.width ${model.width} is not a multiple of model.heads ${model.heads}.`);
  const longest = longestPrompt({ examples, form: method.form }) + 2 * method.count + 8;
  if (longest > model.positions)
    throw new UsageError(
      `model.positions is ${model.positions}; with these graphs and ${method.count} thoughts the model needs ${longest}.`,
    );
  const objectives = methodObjectives(createMethod({ name: 'graph', ...method }));
  const source = programSource({ model: { kind: 'graph', ...options }, objectives });
  const program = await createProgram(source);
  const schedule = { learningRate: training.learningRate, warmupSteps: training.warmupSteps };
  const parts: Parameters<typeof graphPhases>[0] = {
    examples,
    drawing: {
      vocabulary: new GraphVocabulary({ form: method.form }),
      method,
      supervision: configuration.supervision,
      queries: training.queries,
      earlierStages: training.earlierStages,
    },
    graphs: training.graphs,
    hop: { ...training.hop, schedule: { ...schedule, shape: 'constant' } },
    answer: { ...training.answer, schedule: { ...schedule, shape: 'cosine' } },
    keepsOptimizer: training.keepOptimizer,
    seed,
    shards: training.shards,
  };
  const phases = graphPhases(parts);
  const workers =
    configuration.workers ?? defaultWorkers({ shards: training.shards, processors: availableParallelism() });
  if (dryRun || !existsSync(join(folder, 'checkpoints'))) {
    const parameters = program.parameters.reduce((sum, { variable }) => sum + variable.size, 0);
    const estimate = await estimateRun({
      program,
      phases,
      rows: phases.map(() => training.graphs),
      longestRow: async () =>
        (
          await graphPhases({ ...parts, graphs: 1, shards: 1 })
            .at(-1)!
            .source.batch(0)
        )[0],
      besides: { parameters, other: 0 },
      shards: training.shards,
      workers,
    });
    printEstimate({ estimate, output, whole: dryRun });
  }
  if (dryRun) return { ...result, status: 'estimated' };
  const runFolder = await RunFolder.open(run);
  try {
    if (runFolder.state === 'finished') return { ...result, status: 'finished' };
    await runFolder.write({ name: 'configuration.json', data: configurationText(configuration) });
    const began = performance.now();
    const processor = process.cpuUsage();
    const ends: { phase: string; step: number; seconds: number }[] = [];
    let step = 0;
    const outcome = await train({
      folder,
      runFolder,
      source,
      program,
      phases,
      fingerprint: identity.fingerprint,
      workers,
      shards: training.shards,
      optimizer: { beta2: training.beta2, weightDecay: training.weightDecay },
      clipNorm: training.clipNorm,
      checkpointSeconds: training.checkpointSeconds,
      keepCheckpoints: training.keepCheckpoints,
      signal,
      onNotice: (notice) => output.notice(`  ${notice}`),
      onProgress: (progress) => {
        step = progress.step;
        const { phaseName, steps, loss, metrics, secondsLeft } = progress;
        output.progress({
          label: phaseName,
          done: step,
          total: steps,
          secondsLeft,
          details: `loss ${loss.toFixed(3)}  mastery ${(metrics.mastery ?? 0).toFixed(2)}`,
        });
      },
      onPhaseEnd: async ({ name }) => {
        const seconds = (performance.now() - began) / 1000;
        ends.push({ phase: name, step, seconds });
        output.event(
          { event: 'phase', phase: name, step, seconds },
          `  ${name}: done at step ${step}, ${duration(seconds)}`,
        );
      },
    });
    output.endProgress();
    if (outcome.status === 'stopped') {
      output.notice(
        `Stopped at step ${outcome.steps}; everything is saved in ${folder}. Start the same command again to resume.`,
      );
      return { ...result, status: 'stopped' };
    }
    const reasoner = await graphReasoner({ program, options, method });
    await reasoner.save({ folder: result.reasoner });
    reasoner.dispose();
    await writeCard({
      folder: result.reasoner,
      kind: 'reasoner',
      name: folder,
      trained: {
        method: { name: 'graph' },
        pictures: false,
        data: `${examples.length} graphs, ${configuration.data.train === undefined ? `generated with seed ${configuration.data.seed}` : 'read from a file'}`,
        steps: outcome.steps,
        settings: { Method: `\`${JSON.stringify(method)}\``, 'Learning rate': training.learningRate, Seed: seed },
      },
    });
    const { user, system } = process.cpuUsage(processor);
    const summary = {
      fingerprint: identity.fingerprint,
      steps: outcome.steps,
      skippedSteps: outcome.skippedSteps,
      seconds: outcome.seconds,
      machine: machineRecord(),
      processorSeconds: (user + system) / 1e6,
      graphs: examples.length,
      leftOut: left,
      phases: ends,
    };
    await runFolder.finish(summary);
    output.event(
      { event: 'trained', folder, steps: outcome.steps },
      `  trained ${outcome.steps} steps in ${duration(summary.seconds)}${outcome.skippedSteps > 0 ? `, ${outcome.skippedSteps} skipped` : ''}`,
    );
    return { ...result, status: 'finished' };
  } finally {
    await runFolder.close();
  }
}

/** The graphs to train on, and how many were left out because they are held out: by content and by shape, whatever their names. */
async function readGraphs({ data }: GraphConfiguration): Promise<{ examples: GraphExample[]; left: number }> {
  if (data.minimumHops > data.maximumHops)
    throw new UsageError(`data.minimumHops ${data.minimumHops} is above data.maximumHops ${data.maximumHops}.`);
  const heldOut = new Set<string>();
  const outlines = new Set<string>();
  for (const file of data.heldOut) {
    for (const example of (await readExamples({ format: 'prosqa', path: file, faults: 'strict', images: false }))
      .examples) {
      outlines.add(outlineOf(example.facts as GraphFacts));
      for (const key of await keysOf(example)) heldOut.add(key);
    }
  }
  const examples: GraphExample[] = [];
  let left = 0;
  const source =
    data.train === undefined
      ? generateProsQA({
          count: data.count,
          seed: data.seed,
          hops: { minimum: data.minimumHops, maximum: data.maximumHops },
        })
      : (await readExamples({ format: 'prosqa', path: data.train, faults: 'strict', images: false })).examples;
  for await (const example of source) {
    const suspect = outlines.has(outlineOf(example.facts as GraphFacts));
    if (suspect && (await keysOf(example)).some((key) => heldOut.has(key))) left += 1;
    else examples.push(graphExample(example));
  }
  return { examples, left };
}

/** The degrees of a graph's nodes: equal where graphs are the same, and told far sooner than whether they are. */
function outlineOf({ edges, symbols }: GraphFacts): string {
  const degrees = symbols.map(() => 0);
  for (const [from, to] of edges) {
    degrees[from]! += 1;
    degrees[to]! += 100;
  }
  return degrees.sort((a, b) => a - b).join(' ');
}

async function keysOf(example: ReasoningExample): Promise<string[]> {
  return [await contentKey(example), graphShapeKey(example.facts as GraphFacts)];
}

function longestPrompt({
  examples,
  form,
}: {
  examples: readonly GraphExample[];
  form: GraphConfiguration['method']['form'];
}): number {
  return examples.reduce((most, { edges }) => Math.max(most, edges.length), 0) * (form === 'edges' ? 1 : 3) + 6;
}

/** Identifies what the run's result depends on: its configuration but for where and how fast it runs, and the graphs. */
function fingerprintOf({
  configuration,
  examples,
}: {
  configuration: GraphConfiguration;
  examples: readonly GraphExample[];
}): Required<RunIdentity> {
  const {
    output: _output,
    workers: _workers,
    engine: _engine,
    training,
    data: { train: _train, heldOut: _heldOut, ...data },
    ...decisive
  } = configuration;
  const { checkpointSeconds: _seconds, keepCheckpoints: _keep, ...trained } = training;
  const graphs = createHash('sha256');
  for (const { edges, own } of examples) graphs.update(JSON.stringify([edges, own]));
  const parts = {
    configuration: createHash('sha256')
      .update(JSON.stringify({ ...decisive, data, training: trained }))
      .digest('hex'),
    graphs: graphs.digest('hex'),
  };
  return { fingerprint: createHash('sha256').update(JSON.stringify(parts)).digest('hex'), parts };
}
