import { DecoderError, type ThoughtReading } from '@subtext/decoder';
import type { LoraSettings } from '@subtext/nn';
import type { AdapterTokens, ReasoningMethod } from '@subtext/reasoner';

/** What interpreters are and how they learn. */
export interface InterpreterOptions {
  /** `joint`: with the reasoner, whose thoughts are made readable. `after`: on a reasoner that has been trained and stays as it is. @default 'joint' */
  mode?: 'joint' | 'after';
  /** One interpreter for all stages instead of one each. @default true */
  shared?: boolean;
  /** What they start from: a copy of the reasoner's language part, a model's folder with its own tokenizer, or a config.json with random weights. @default { kind: 'reasoner' } */
  model?: { kind: 'reasoner' } | { kind: 'folder'; folder: string } | { kind: 'new'; config: Record<string, unknown> };
  /** A low-rank adapter to train in the models' place. @default none */
  lora?: Omit<LoraSettings, 'tokens'> & {
    /** How tokens that are new learn beside it. @default 'rows' */ tokens?: AdapterTokens;
  };
  /** Of the interpreters' loss beside the reasoner's in `joint` mode. @default 1 */
  weight?: number;
  /** Share of a batch's thoughts that are explained in a step. @default 1 */
  share?: number;
  /** Set of prompt templates. @default 'brief' */
  templates?: string;
  /** @default 'linear' */
  projector?: 'linear' | 'mlp';
  /** Standard deviation of what the projector gives at first: that of the embeddings. @default 0.02 */
  projectorDeviation?: number;
  /** Where a thought is read. @default the reasoner's `thoughtReading` */
  reading?: ThoughtReading;
  /** Whether the question stands in the prompt: SIM-CoT's does not. @default true, but false for a method that needs an interpreter */
  withQuestion?: boolean;
  /** Whether each thought of a stage is explained by itself, by its own part of the stage's text. @default false: all of them by all of it */
  parts?: boolean;
  /** Multiplies the phases' learning rate. @default 1 */
  learningRateScale?: number;
}

/** Where interpreters lie, in a run's folder and in its reasoner's: those that read, and those that can only guess. */
export type InterpreterPart = 'interpreters' | 'blind-interpreters';

/** The interpreters that a method's thoughts ask for, with their stages. Throws `invalid-option` where it has no thoughts that could be told. */
export function interpreterGroups({
  method,
  stages,
  shared = true,
}: {
  method: ReasoningMethod;
  /** Of the data. */ stages: readonly string[];
  /** @default true */ shared?: boolean;
}): { name: string; stages: string[] }[] {
  const told = [...(method.thoughtStages?.({ stages }) ?? stages)];
  if (told.length === 0) {
    throw new DecoderError({
      code: 'invalid-option',
      message: `The method "${method.name}"${stages.length === 0 ? ', with data without steps,' : ''} holds no step in thoughts, so that interpreters have nothing to put into words. Leave "interpreters" out, or take a method that hides steps (heima, coconut, codi, sim-cot, adaptive).`,
    });
  }
  return shared ? [{ name: 'shared', stages: told }] : told.map((stage) => ({ name: stage, stages: [stage] }));
}
