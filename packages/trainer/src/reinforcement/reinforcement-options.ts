import type { ThoughtSampling } from '@subtext/reasoner';

import type { RewardUse } from './rewards';

/** How a reasoner is trained by rewards for its own answers. */
export interface ReinforcementOptions {
  /** Optimizer steps. */
  steps: number;
  rewards: readonly RewardUse[];
  /** Questions whose answers are sampled at a time. @default 8 */
  questions?: number;
  /** Answers to each: its group. @default 8 */
  group?: number;
  /** At which answers are sampled, thoughts aside. @default 1 */
  temperature?: number;
  /** The most tokens of an answer. @default a fifth more than the longest response of the data */
  maxNewTokens?: number;
  /** How thoughts are drawn. @default `tokens` where the method's thoughts are mixtures of embeddings, else `state` */
  thoughts?: ThoughtSampling;
  /** What a group's advantages are divided by. @default 'deviation' */
  scale?: 'deviation' | 'none';
  /** Whether each answer counts the same (GRPO), or each token. @default 'answer' */
  per?: 'answer' | 'token';
  /** How far below 1 the ratio of an action's new to its old probability still counts. @default 0.2 */
  clip?: number;
  /** How far above 1 it still counts. @default `clip` */
  clipHigh?: number;
  /** Weight of the distance to the model that the run starts from; 0: no such reference is held. @default 0 */
  kl?: number;
  /** Updates from the same answers. @default 1 */
  updates?: number;
  /** `masked` leaves answers that did not end out, of the group's mean too (Latent-GRPO, DAPO). @default 'rewarded' */
  unfinished?: 'rewarded' | 'masked';
  /** The first action of a group is learned from its best answer alone, the likeliest of those above the mean (Latent-GRPO). @default false */
  firstFromBest?: boolean;
  /** The highest. @default `training.learningRate` */
  learningRate?: number;
}

/** What {@link ReinforcementOptions} are where they are not given. */
export const reinforcementDefaults = {
  questions: 8,
  group: 8,
  temperature: 1,
  scale: 'deviation',
  per: 'answer',
  clip: 0.2,
  kl: 0,
  updates: 1,
  unfinished: 'rewarded',
  firstFromBest: false,
} as const;

/** Tokens whose embeddings a thought is the mean of, where nothing else is said. */
export const defaultTokens = 3;
