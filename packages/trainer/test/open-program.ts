import type { LanguageModel } from '@subtext/model';
import type { FeedbackMap } from '@subtext/reasoner';

import type { ObjectiveUse } from '../src/objectives/objective';
import { composeProgram } from '../src/program/program';
import { reasonerRunner, type Runner } from '../src/program/runner';
import type { TrainingProgram } from '../src/program/training-program';
import type { Shard } from '../src/sources/source';

/** The program of a reasoner's model that is open. */
export function openProgram({
  model,
  feedback,
  objectives = [{ name: 'next-token' }],
}: {
  model: LanguageModel;
  /** @default none */ feedback?: FeedbackMap;
  objectives?: readonly ObjectiveUse[];
}): Promise<TrainingProgram<Shard>> {
  return composeProgram({ runner: reasonerRunner({ model, feedback }) as Runner, objectives });
}

/** A shard of sequences alone. */
export function shardOf<Inputs>(inputs: Inputs): Shard<Inputs> {
  return { inputs, parts: {} };
}
