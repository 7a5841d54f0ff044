import { generateProsQA, readExamples, type ReasoningExample } from '@subtext/data';
import { graphExample, type GraphExample } from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';
import { type Output, UsageError } from '@subtext/terminal';
import { type Collective, leaveOutGraphs, trainGraphs, type TrainRunResult } from '@subtext/trainer';

import type { GraphConfiguration } from '../configuration/graph-schema';
import { machineRecord } from '../machine-record';
import { openLoggers } from './open-loggers';
import { incidentalKeys, withoutSecrets } from './saved-configuration';
import { showRun } from './show-run';

/**
 * Carries out a configuration of training on graphs: generates or reads them, leaves out what is held out, then trains
 * (`trainGraphs` of `@subtext/trainer`) and tells what is going on.
 */
export async function graphRun({
  configuration,
  output,
  label = '',
  overwrite = false,
  dryRun = false,
  collective,
  signal,
}: {
  configuration: GraphConfiguration;
  output: Output;
  /** Stands before the phase in progress lines. @default '' */ label?: string;
  /** Whether a finished run, or one of other settings, is deleted and replaced. @default false */ overwrite?: boolean;
  /** Tells what the run will take, and writes nothing. @default false */ dryRun?: boolean;
  /** The processes that train together. @default this one alone */
  collective?: Collective;
  signal?: AbortSignal;
}): Promise<TrainRunResult> {
  await useEngine({ engine: configuration.engine });
  const { output: folder, data, training, method, model, seed } = configuration;
  const { examples, left } = await readGraphs(configuration);
  const validation = await readValidation(configuration);
  if (left > 0) {
    const files = [...data.heldOut, ...(data.validation === undefined ? [] : [data.validation])];
    output.notice(`${left} graphs were excluded from training: they are also in ${files.join(', ')}.`);
  }
  const phases: { phase: string; step: number; seconds: number }[] = [];
  const show = showRun({ output, folder, label, phases: true });
  return trainGraphs({
    folder,
    examples,
    heldOut: validation,
    method,
    model,
    visibility: configuration.visibility,
    supervision: configuration.supervision,
    training,
    seed,
    workers: configuration.workers,
    collective,
    ranks: configuration.ranks,
    overwrite,
    dryRun,
    record: withoutSecrets(configuration),
    incidental: incidentalKeys,
    card: {
      data: (count) =>
        `${count} graphs, ${data.train === undefined ? `generated with seed ${data.seed}` : 'read from a file'}`,
    },
    loggers: () => openLoggers(configuration.logs),
    summary: () => ({ machine: machineRecord(), graphs: examples.length, leftOut: left, phases }),
    onEvent(told) {
      if (told.event === 'phase') phases.push({ phase: told.phase, step: told.step, seconds: told.seconds });
      show(told);
    },
    signal,
  });
}

const readFile = async (path: string): Promise<ReasoningExample[]> =>
  (await readExamples({ format: 'prosqa', path, images: false })).examples;

/** The graphs to train on, and how many were left out because they are held out. */
async function readGraphs({ data }: GraphConfiguration): Promise<{ examples: GraphExample[]; left: number }> {
  if (data.minimumHops > data.maximumHops)
    throw new UsageError(`data.minimumHops ${data.minimumHops} is above data.maximumHops ${data.maximumHops}.`);
  const heldOut: ReasoningExample[] = [];
  for (const file of [...data.heldOut, ...(data.validation === undefined ? [] : [data.validation])])
    for (const example of await readFile(file)) heldOut.push(example);
  const examples =
    data.train === undefined
      ? generateProsQA({
          count: data.count,
          seed: data.seed,
          hops: { minimum: data.minimumHops, maximum: data.maximumHops },
        })
      : await readFile(data.train);
  return leaveOutGraphs({ examples, heldOut });
}

/** The graphs whose loss is taken while training; none without `data.validation`. */
async function readValidation({ data, training }: GraphConfiguration): Promise<GraphExample[]> {
  if (data.validation !== undefined)
    return (await readFile(data.validation)).slice(0, training.validation.graphs).map((one) => graphExample(one));
  if (training.finalWeights === 'best')
    throw new UsageError(
      'training.finalWeights "best" goes by the validation loss: name a file of held-out graphs in data.validation.',
    );
  return [];
}
