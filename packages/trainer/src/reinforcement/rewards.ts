import { describeIssues } from '@subtext/core';
import { normalizeAnswer, type ReasoningExample } from '@subtext/data';
import { type Answer, z } from '@subtext/reasoner';

import { TrainerError } from '../errors';

/** An answer that is rewarded. */
export interface RewardedAnswer {
  example: ReasoningExample;
  answer: Answer;
}

/** What an answer is worth: a finite number. */
export type Reward = (rewarded: RewardedAnswer) => number | Promise<number>;

/** How a reward is made: one object and a line in the registry. */
export interface RewardDefinition<Options = unknown> {
  name: string;
  /** Zod schema of its options. @default it takes none */
  options?: z.ZodObject;
  create(options: Options): Reward;
}

/** A reward of a run, by name. */
export interface RewardUse {
  name: string;
  /** What its values are multiplied by. @default 1 */
  weight?: number;
  /** @default its own */
  options?: Readonly<Record<string, unknown>>;
}

/** 1 for the right answer, as evaluations compare answers (case, white space and a full stop at the end aside); else 0. */
const exactMatch: RewardDefinition = {
  name: 'exact-match',
  create:
    () =>
    ({ example, answer }) =>
      answer.answer !== undefined && normalizeAnswer(answer.answer) === normalizeAnswer(example.answer) ? 1 : 0,
};

/** 1 for a response that ended by itself and has an answer between its marks; else 0. */
const format: RewardDefinition = {
  name: 'format',
  create:
    () =>
    ({ answer }) =>
      answer.finished && answer.answer !== undefined ? 1 : 0,
};

const lengthOptions = z.strictObject({
  /** What is counted. */
  of: z
    .enum(['generated', 'text', 'thinking'])
    .describe('what is counted: all generated tokens, thoughts among them; those that are text; thoughts alone')
    .default('generated'),
  /** So many cost nothing. */
  free: z.number().int().min(0).describe('so many cost nothing').default(0),
});

/** How many tokens an answer took beyond those that cost nothing: to be given a weight below 0. */
const length: RewardDefinition<z.output<typeof lengthOptions>> = {
  name: 'length',
  options: lengthOptions,
  create:
    ({ of, free }) =>
    ({ answer: { tokens } }) => {
      const { generated, thinking } = tokens;
      return Math.max(0, { generated, text: generated - thinking, thinking }[of] - free);
    },
};

const rewards = new Map<string, RewardDefinition>(
  [exactMatch, format, length as RewardDefinition].map((definition) => [definition.name, definition]),
);

/**
 * Adds a reward, which `reinforcement.rewards` then names. Rewards are asked in the first thread.
 *
 * @throws TrainerError `invalid-option` where the name is taken
 */
export function registerReward<Options>(definition: RewardDefinition<Options>): void {
  if (rewards.has(definition.name))
    throw new TrainerError({
      code: 'invalid-option',
      message: `There is a reward "${definition.name}" already; give another name to the one that is registered.`,
    });
  rewards.set(definition.name, definition as RewardDefinition);
}

/** A reward that has been made. */
export interface MadeReward {
  name: string;
  weight: number;
  reward: Reward;
}

/**
 * Makes the rewards of a run.
 *
 * @throws TrainerError `invalid-option` for none, for one that there is not or that is named twice, and for its options
 */
export function makeRewards(uses: readonly RewardUse[]): MadeReward[] {
  if (uses.length === 0 || uses.length > MOST_REWARDS)
    throw new TrainerError({
      code: 'invalid-option',
      message: `reinforcement.rewards: ${uses.length} rewards; give 1 to ${MOST_REWARDS}.`,
    });
  return uses.map(({ name, weight = 1, options = {} }, index) => {
    const definition = rewards.get(name);
    if (!definition)
      throw new TrainerError({
        code: 'invalid-option',
        message: `There is no reward "${name}". Take one of: ${[...rewards.keys()].join(', ')}; or include the module that registers it (registerReward).`,
      });
    if (uses.findIndex((other) => other.name === name) < index)
      throw new TrainerError({ code: 'invalid-option', message: `The reward "${name}" is named twice.` });
    const checked = (definition.options ?? z.strictObject({})).safeParse(options);
    if (!checked.success)
      throw new TrainerError({
        code: 'invalid-option',
        message: `The reward "${name}" does not take these options: ${describeIssues(checked.error)}.`,
      });
    return { name, weight, reward: definition.create(checked.data) };
  });
}

/** Rewards of a run, each of which has a measure in the log. */
const MOST_REWARDS = 4;

/** What an answer got. */
export interface Rewarded {
  /** By reward, before its weight. */
  each: Readonly<Record<string, number>>;
  /** `Σ weight · value`. */
  total: number;
}

/** What an answer gets; or, in words, why that cannot be told: a reward threw, or gave what is no finite number. */
export async function rewardOf({
  rewards: made,
  rewarded,
}: {
  rewards: readonly MadeReward[];
  rewarded: RewardedAnswer;
}): Promise<Rewarded | { fault: string }> {
  const each: Record<string, number> = {};
  let total = 0;
  for (const { name, weight, reward } of made) {
    let value: unknown;
    try {
      value = await reward(rewarded);
    } catch (error) {
      return { fault: `The reward "${name}" threw: ${error instanceof Error ? error.message : String(error)}` };
    }
    if (typeof value !== 'number' || !Number.isFinite(value))
      return { fault: `The reward "${name}" gave ${String(value)}, which is no finite number` };
    each[name] = value;
    total += weight * value;
  }
  return { each, total };
}
