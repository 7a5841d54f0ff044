import { readExamples, type ReadExamplesOptions, type ReasoningExample } from '@subtext/data';
import { methodSpecification } from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';
import { findModel, type Output, UsageError } from '@subtext/terminal';
import { type Collective, resolveStages, trainRun as train, type TrainRunResult } from '@subtext/trainer';

import { observed } from '../configuration/observed';
import type { GivenConfiguration, TrainConfiguration } from '../configuration/schema';
import { machineRecord } from '../machine-record';
import { checkOverlap } from './check-overlap';
import { drawerOptions } from './drawer';
import { fromReasoner, interpreterOptions } from './interpreters';
import { trainingWork } from './model-work';
import { openLoggers } from './open-loggers';
import { reinforcementOptions } from './reinforcement';
import { incidentalKeys, withoutSecrets } from './saved-configuration';
import { showRun } from './show-run';

/**
 * Carries out a training configuration: reads the data, then trains (`trainRun` of `@subtext/trainer`) and tells what is
 * going on. A run that is finished is not repeated; one that was interrupted is resumed.
 */
export async function trainRun({
  configuration: given,
  output,
  label = '',
  include = [],
  overwrite = false,
  dryRun = false,
  collective,
  signal,
}: {
  configuration: GivenConfiguration;
  output: Output;
  /** Modules that register what the run needs. @default [] */
  include?: readonly string[];
  /** Whether a finished run, or one of other settings, is deleted and replaced. @default false */
  overwrite?: boolean;
  /** Tells what the run will take, and writes nothing. @default false */
  dryRun?: boolean;
  /** Stands before the phase in progress lines. @default '' */
  label?: string;
  /** The processes that train together. @default this one alone */
  collective?: Collective;
  signal?: AbortSignal;
}): Promise<TrainRunResult> {
  await useEngine({ engine: given.engine, work: await trainingWork(given) });
  // What has to be downloaded comes first; from then on it is found in the cache.
  for (const model of startingModels(given)) await findModel({ model, signal });
  const read = await readExamples(fileOf({ data: given.data, path: given.data.train, limit: given.data.limit }));
  const { examples, skipped, faults, report } = read;
  const configuration: TrainConfiguration = observed({
    ...given,
    stages: resolveStages({ stages: given.stages, examples }),
  });
  const { data, training, model, reinforcement, interpreters, drawer, output: folder } = configuration;
  const heldOut = await readHeldOut(configuration);
  if (skipped > 0)
    output.event(
      { event: 'skipped', ...report, first: faults.slice(0, 20) },
      `${skipped} of ${report.records} records of ${report.file} are faulty and were left out:\n${faults
        .slice(0, 5)
        .map((fault) => `  ${fault}`)
        .join('\n')}`,
    );
  return train({
    folder,
    examples,
    heldOut,
    vocabulary: await readVocabulary(configuration),
    mayLeaveOut: data.faults === 'strict' ? 0 : data.faults,
    stages: configuration.stages,
    reasoningFormat: configuration.reasoningFormat,
    method: methodSpecification(configuration.method),
    visibility: configuration.visibility,
    model,
    training,
    reinforcement: reinforcement && reinforcementOptions(reinforcement),
    include,
    interpreters: interpreters && interpreterOptions(interpreters),
    drawer: drawer && drawerOptions(drawer),
    seed: configuration.seed,
    workers: configuration.workers,
    collective,
    ranks: configuration.ranks,
    overwrite,
    dryRun,
    record: withoutSecrets(configuration),
    incidental: incidentalKeys,
    card: {
      data: (count) =>
        `${count} examples in the format \`${data.format}\`${data.images ? '' : ', without their pictures'}`,
    },
    report: async () => ({ train: report, overlap: await checkOverlap({ data, examples, output }) }),
    loggers: () => openLoggers(configuration.logs),
    summary: () => ({ machine: machineRecord() }),
    onEvent: showRun({ output, folder, label }),
    signal,
  });
}

/** How a file is read that is trained on, or whose loss is taken. */
function fileOf({
  data: { format, faults, categories, images },
  path,
  limit,
}: {
  data: TrainConfiguration['data'];
  path: string;
  limit: number | undefined;
}): ReadExamplesOptions {
  return { format, path, limit, faults, categories, images };
}

/** The held-out examples whose loss is taken while training; none without `data.validation`. */
async function readHeldOut({ data, training }: TrainConfiguration): Promise<ReasoningExample[]> {
  if (data.validation === undefined) {
    if (training.finalWeights === 'best')
      throw new UsageError(
        'training.finalWeights "best" goes by the validation loss: name a file of held-out examples in data.validation.',
      );
    return [];
  }
  return (await readExamples(fileOf({ data, path: data.validation, limit: training.validation.examples }))).examples;
}

/** The further texts whose words the tokenizer of a new model knows. */
async function readVocabulary({ data, model }: TrainConfiguration): Promise<ReasoningExample[]> {
  if (model.from !== undefined) return [];
  const further: ReasoningExample[] = [];
  for (const path of model.vocabulary)
    for (const example of (await readExamples({ ...data, path, limit: undefined, categories: undefined })).examples)
      further.push(example);
  return further;
}

/** The models that a run starts from: folders, or ids of models on the hub. */
function startingModels({ model, interpreters }: Pick<TrainConfiguration, 'model' | 'interpreters'>): string[] {
  return [model.from, interpreters?.model.from].flatMap((from) =>
    from === undefined || from === fromReasoner ? [] : [from],
  );
}
