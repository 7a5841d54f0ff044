import type { MethodSpecification } from '../methods/registry';

/** What a folder's `subtext.json` holds: everything about thinking that a Hugging Face folder has no place for. */
export interface ReasonerSettings {
  /** Version of this layout. */
  format: 1;
  method: MethodSpecification;
  /** Names of the stages before the answer, in order. */
  stages: string[];
  /** Stages that are hidden in thoughts, after the phases trained so far. */
  hiddenStages: string[];
  /** Name of the reasoning format. */
  reasoningFormat: string;
  /** Tokens before everything else. */
  prefix: string[];
  /** The token that ends a response. */
  endToken: string;
  /** How pictures enter the prompt; absent for text models. */
  image?: { token: string; tokens: number; position: 'before' | 'after' };
  /** Where a thought's state is read: the state that predicts the thinking token (`before`), or the one at it (`at`). */
  thoughtReading: 'before' | 'at';
  /** Longest response seen while training, in tokens: what generation allows by default, with some room. */
  longestResponse: number;
}
