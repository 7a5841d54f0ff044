import { includeModules } from '@subtext/core/node';
import { measureThoughts } from '@subtext/reasoner';
import { setLoraDropoutSeed } from '@subtext/nn';
import { tf } from '@subtext/tensor';

import type { Objective, ObjectiveLoss, ObjectiveUse } from '../objectives/objective';
import { findObjective } from '../objectives/registry';
import { trainingRegistries } from '../run/registries';
import type { Shard } from '../sources/source';
import { openRunner, type Runner, type TrainedModelSource } from './runner';
import type { ProgramLoss, TrainingProgram } from './training-program';

export interface ProgramOptions {
  model: TrainedModelSource;
  /** Parameters of the model that stay as they are: regular expressions over their names. @default [] */
  frozen?: readonly string[];
  /** What it is trained on. @default next-token cross-entropy */
  objectives?: readonly Omit<ObjectiveUse, 'data'>[];
  /** Modules that register what the program needs, which each worker includes. @default [] */
  include?: readonly string[];
}

/** An objective that has been made. */
interface MadeObjective {
  name: string;
  objective: Objective;
  /** Whether it is left out where a shard has no part for it. */
  hasPart: boolean;
}

/** The program that trains a model on objectives: one forward pass, and a loss of each over it. Built by every worker alike. */
export async function createProgram({
  model,
  frozen = [],
  objectives = [{ name: 'next-token' }],
  include = [],
}: ProgramOptions): Promise<TrainingProgram<Shard>> {
  await includeModules({ paths: include, registries: trainingRegistries });
  return composeProgram({ runner: await openRunner({ model, frozen }), objectives });
}

/** The program of a model that is open. */
export async function composeProgram({
  runner,
  objectives,
}: {
  runner: Runner;
  objectives: readonly Omit<ObjectiveUse, 'data'>[];
}): Promise<TrainingProgram<Shard>> {
  const made: MadeObjective[] = [];
  for (const { name, options } of objectives) {
    const { create, parts } = findObjective(name);
    const { model, feedback } = runner;
    made.push({ name, objective: await create({ options, model, feedback }), hasPart: parts !== undefined });
  }
  return {
    parameters: [...runner.parameters, ...made.flatMap(({ objective }) => objective.parameters ?? [])],
    loss({ inputs, parts }, { measure = false, dropoutSeed } = {}): ProgramLoss {
      setLoraDropoutSeed({ model: runner.model, seed: dropoutSeed ?? null });
      const active = made.filter(({ name, hasPart }) => !hasPart || parts[name] !== undefined);
      const layers = active.some(({ objective }) => objective.layers === true);
      const keysAndValues = active.some(({ objective }) => objective.keysAndValues === true);
      const forward = runner.forward({ inputs, layers, keysAndValues });
      const found = active.map(({ name, objective }) => ({
        objective,
        loss: objective.loss({ forward, part: parts[name], dropoutSeed }),
      }));
      return {
        loss: sum(found.map(({ loss }) => loss)),
        metrics: metricsOf(found),
        ...(measure && { means: measureThoughts({ states: forward.states, thoughts: runner.thoughts?.(inputs) }) }),
      };
    },
  };
}

/** The terms of losses, added in their order. */
function sum(losses: readonly ObjectiveLoss[]): tf.Scalar {
  const terms = losses.flatMap((loss) => loss.terms);
  if (terms.length === 0) return tf.scalar(0);
  return terms.length === 1 ? terms[0]! : tf.addN([...terms]);
}

/**
 * What is told of the objectives: all measures; the parts of a loss that has several; beside objectives that train
 * parameters of their own, what the model's own objectives come to, `reasonerLoss`.
 */
function metricsOf(found: readonly { objective: Objective; loss: ObjectiveLoss }[]): Record<string, tf.Scalar> {
  const own = found.filter(({ objective }) => objective.parameters !== undefined).map(({ loss }) => loss);
  const ofModel = found.filter(({ objective }) => objective.parameters === undefined).map(({ loss }) => loss);
  const together = own.length > 0 && ofModel.length > 0;
  const told = [...(ofModel.length > 1 ? ofModel : []), ...(together ? own : [])];
  return Object.assign(
    {},
    ...told.map(({ parts }) => parts),
    ...found.map(({ loss }) => loss.metrics),
    together && { reasonerLoss: sum(ofModel) },
  ) as Record<string, tf.Scalar>;
}
