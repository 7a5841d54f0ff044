import { type ExplanationBatch, Interpreter, type InterpreterSpecification } from '@subtext/decoder';
import { setLoraDropoutSeed } from '@subtext/nn';
import {
  hashCounters,
  measureThoughts,
  openModel,
  type ReasonerBatch,
  freezeParameters,
  modelParameters,
} from '@subtext/reasoner';
import { gatherRows, tf } from '@subtext/tensor';

import { reasonerForward, reasonerStates, type ReasonerProgramOptions } from '../programs/reasoner-program';
import type { ProgramLoss, TrainingProgram } from '../programs/training-program';

export interface JointProgramOptions {
  reasoner: ReasonerProgramOptions;
  interpreters: readonly InterpreterSpecification[];
  /**
   * `joint`: one loss, `reasoner + weight · Σ interpreters`, whose gradient reaches the reasoner through the thoughts'
   * states, so that they are made readable. `after`: the reasoner stays as it is; only the interpreters learn.
   */
  mode: 'joint' | 'after';
  /** Weight of the interpreters' loss in `joint` mode. @default 1 */
  interpreterWeight?: number;
}

/** A batch for the reasoner and the explanations of its thoughts. */
export interface JointBatch {
  reasoner: ReasonerBatch;
  explanations: ExplanationBatch[];
}

/** The program that trains interpreters, with their reasoner or after it. */
export async function createProgram({
  reasoner,
  interpreters: specifications,
  mode,
  interpreterWeight = 1,
}: JointProgramOptions): Promise<TrainingProgram<JointBatch>> {
  const model = await openModel(reasoner.model);
  if (mode === 'after') model.parameters.freeze();
  else freezeParameters({ model, frozen: reasoner.frozen });
  const interpreters: Interpreter[] = [];
  for (const specification of specifications) interpreters.push(await Interpreter.create(specification));
  return {
    parameters: [
      ...modelParameters({ model, prefix: 'reasoner' }),
      ...interpreters.flatMap((interpreter, index) =>
        interpreter.trainable({ learningRateScale: specifications[index]!.learningRateScale }),
      ),
    ],
    loss(batch, { measure = false, dropoutSeed = null } = {}): ProgramLoss {
      if (mode === 'joint') setLoraDropoutSeed({ model, seed: dropoutSeed });
      for (const [index, interpreter] of interpreters.entries())
        setLoraDropoutSeed({
          model: interpreter.model,
          seed: dropoutSeed === null ? null : hashCounters(dropoutSeed, 1 + index),
        });
      // A reasoner that stays as it is has no loss of its own, and nothing passes back into it.
      const forward =
        mode === 'joint'
          ? reasonerForward({ model, batch: batch.reasoner })
          : { states: reasonerStates({ model, batch: batch.reasoner }), loss: tf.scalar(0) };
      const losses = batch.explanations
        .filter(({ rows }) => rows > 0)
        .map((explanations) =>
          interpreters[explanations.interpreter]!.loss({
            batch: explanations,
            states: gatherRows({ input: forward.states, indices: explanations.stateRows }),
          }),
        );
      const interpreterLoss = losses.length > 0 ? (tf.addN(losses) as tf.Scalar) : tf.scalar(0);
      const means = measure ? measureThoughts({ states: forward.states, thoughts: batch.reasoner.thoughts }) : {};
      if (mode === 'after') return { loss: interpreterLoss, metrics: {}, means };
      return {
        loss: tf.add(forward.loss, tf.mul(interpreterLoss, interpreterWeight)) as tf.Scalar,
        metrics: { reasonerLoss: forward.loss, interpreterLoss },
        means,
      };
    },
  };
}
