import type { LanguageModel } from '@subtext/model';
import type { tf } from '@subtext/tensor';

/** One trainable variable of a program. */
export interface ProgramParameter {
  /** Unique in the program, for example `reasoner/model.layers.0.mlp.up_proj.weight`. */
  name: string;
  variable: tf.Variable;
  /** Multiplies the phase's learning rate. @default 1 */
  learningRateScale?: number;
}

/** The trainable parameters of a model, under a prefix. */
export function modelParameters({
  model,
  prefix,
  learningRateScale,
}: {
  model: LanguageModel;
  prefix: string;
  learningRateScale?: number;
}): ProgramParameter[] {
  return model.parameters
    .trainable()
    .map(([name, variable]) => ({ name: `${prefix}/${name}`, variable, learningRateScale }));
}
