import type { ReasoningExample } from '@subtext/data';
import { createMethod, type Reasoner, methodSpecification } from '@subtext/reasoner';
import { findModel } from '@subtext/terminal';
import {
  type InterpreterOptions,
  interpreterGroups,
  type PreparedInterpreters,
  prepareInterpreters,
  saveInterpreters,
  type ProgramOptions,
  type TrainingProgram,
} from '@subtext/trainer';
import { join } from 'node:path';

import type { TrainConfiguration } from '../configuration/schema';

/** `interpreters.model.from`: a copy of the reasoner's language part. */
const fromReasoner = 'reasoner';

type InterpretersConfiguration = NonNullable<TrainConfiguration['interpreters']>;

/** Whether interpreters share the reasoner's tokenizer, which then needs their tokens too. */
export function shareTokenizer({ model }: InterpretersConfiguration): boolean {
  return model.from === undefined || model.from === fromReasoner;
}

/** The folders that a configuration's interpreters are saved to. */
export function interpreterFolders({
  configuration,
  interpreters,
}: {
  configuration: TrainConfiguration;
  interpreters: InterpretersConfiguration;
}): string[] {
  const groups = interpreterGroups({
    method: createMethod(methodSpecification(configuration.method)),
    stages: configuration.stages,
    shared: interpreters.shared,
  });
  return groups.map(({ name }) => join(configuration.output, 'reasoner', 'interpreters', name));
}

/** The interpreters of a configuration as the package takes them. */
async function interpreterOptions({
  mode,
  shared,
  model,
  weight,
  share,
  templates,
  projector,
  projectorDeviation,
  reading,
  withQuestion,
  learningRateScale,
}: InterpretersConfiguration): Promise<InterpreterOptions> {
  const { from, new: config, lora } = model;
  return {
    mode,
    shared,
    model:
      config !== undefined
        ? { kind: 'new', config }
        : from === undefined || from === fromReasoner
          ? { kind: 'reasoner' }
          : { kind: 'folder', folder: await findModel({ model: from }) },
    lora,
    weight,
    share,
    templates,
    projector,
    projectorDeviation,
    reading,
    withQuestion,
    learningRateScale,
  };
}

/** Opens or makes the interpreters' language models and says how they are trained. */
export async function openInterpreters({
  configuration: { seed, output, stages },
  interpreters,
  reasoner,
  reasonerOptions,
  newTokens,
  examples,
}: {
  configuration: TrainConfiguration;
  interpreters: InterpretersConfiguration;
  reasoner: Reasoner;
  reasonerOptions: Pick<ProgramOptions, 'model' | 'frozen'>;
  /** Tokens of the reasoner that the run added. */
  newTokens: readonly number[];
  examples: readonly ReasoningExample[];
}): Promise<PreparedInterpreters> {
  return prepareInterpreters({
    reasoner,
    reasonerOptions,
    stages,
    examples,
    folder: join(output, 'initial', 'interpreters'),
    seed,
    newTokens,
    interpreters: await interpreterOptions(interpreters),
  });
}

/** Saves the trained interpreters as folders beside the reasoner. */
export async function keepInterpreters({
  configuration,
  interpreters,
  prepared,
  program,
}: {
  configuration: TrainConfiguration;
  interpreters: InterpretersConfiguration;
  prepared: PreparedInterpreters;
  program: TrainingProgram;
}): Promise<void> {
  const { from } = interpreters.model;
  await saveInterpreters({
    prepared,
    program,
    folders: interpreterFolders({ configuration, interpreters }),
    seed: configuration.seed,
    baseModel: from === fromReasoner ? null : (from ?? null),
  });
}
