import type { RunInterpreterOptions } from '@subtext/trainer';

import type { TrainConfiguration } from '../configuration/schema';

/** `interpreters.model.from`: a copy of the reasoner's language part. */
export const fromReasoner = 'reasoner';

/** The interpreters of a configuration as the package takes them. */
export function interpreterOptions({
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
  parts,
  learningRateScale,
  keep,
  blind,
  schedule,
}: NonNullable<TrainConfiguration['interpreters']>): RunInterpreterOptions {
  const { from, new: config, lora } = model;
  return {
    mode,
    shared,
    model:
      config !== undefined
        ? { kind: 'new', config }
        : from === undefined || from === fromReasoner
          ? { kind: 'reasoner' }
          : { kind: 'folder', folder: from },
    lora,
    weight,
    share,
    templates,
    projector,
    projectorDeviation,
    reading,
    withQuestion,
    parts,
    learningRateScale,
    keep,
    blind,
    schedule,
  };
}
