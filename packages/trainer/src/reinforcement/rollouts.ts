import type { ReasoningExample } from '@subtext/data';
import { setLoraDropoutSeed } from '@subtext/nn';
import {
  type Answer,
  type DrawnThought,
  hashCounters,
  IGNORED_LABEL,
  type Layout,
  randomAt,
  type Reasoner,
  ThoughtSampler,
  type ThoughtSampling,
} from '@subtext/reasoner';

import { groupAdvantages } from './advantages';
import { type MadeReward, rewardOf, type Rewarded } from './rewards';

/** An answer that the model gave by chance, with what it got. */
export interface Rollout {
  example: ReasoningExample;
  answer: Answer;
  layout: Layout;
  /** Its thoughts, as far as they were drawn. */
  drawn: readonly DrawnThought[];
  /** What a halting head decided, state by state; none where the method has no such head. */
  halts: readonly HaltDecision[];
  /** Null where its reward is not known. */
  rewarded: Rewarded | null;
  /** Null where nothing is to be learned from it. */
  advantage: number | null;
}

/** Whether another thought was taken after a state. */
export interface HaltDecision {
  /** Of the state, in the sequence. */
  position: number;
  taken: boolean;
}

/** Answers to some questions, several to each. */
export interface Rollouts {
  /** Group by group. */
  all: Rollout[];
  /** Groups whose answers all got the same. */
  withoutVariance: number;
  /** Why rewards are not known, each answer's own. */
  faults: string[];
}

/** How answers are sampled and compared. */
export interface SampleOptions {
  reasoner: Reasoner;
  examples: readonly ReasoningExample[];
  /** Answers to each. */
  group: number;
  temperature: number;
  maxNewTokens?: number;
  thoughts: ThoughtSampling;
  rewards: readonly MadeReward[];
  scale: 'deviation' | 'none';
  unfinished: 'rewarded' | 'masked';
  /** Name the draws: seed, place of the phase, step. */
  counters: readonly number[];
}

/** Keeps the draws of a halting head from those of thoughts, which have the same counters. */
const HALTING = 0x68616c74;

/** Answers side by side, at the most: those of a whole step where they are fewer. */
const SIDE_BY_SIDE = 256;

/** Samples a group of answers to each question, rewards them, and tells how much better than its group each is. */
export async function sampleRollouts({
  reasoner,
  examples,
  group,
  temperature,
  maxNewTokens,
  thoughts,
  rewards,
  scale,
  unfinished,
  counters,
}: SampleOptions): Promise<Rollouts> {
  const asked = examples.flatMap((example) => Array.from({ length: group }, () => example));
  const sampler = await ThoughtSampler.open({ model: reasoner.model, sampling: thoughts });
  const draws = sampler?.draws(counters);
  setLoraDropoutSeed({ model: reasoner.model, seed: null });
  const answers = await reasoner.think({
    questions: asked.map(({ question, image }) => ({ question, ...(image && { image }) })),
    batchSize: SIDE_BY_SIDE,
    maxNewTokens,
    temperature,
    seed: hashCounters(...counters),
    nextInput: draws?.nextInput,
    ...(reasoner.method.halting && {
      takesThought: ({ row, taken, probability }) => randomAt(...counters, HALTING, row, taken) < probability,
    }),
  });
  const faults: string[] = [];
  const all: Rollout[] = [];
  for (const [row, answer] of answers.entries()) {
    const example = asked[row]!;
    const found = await rewardOf({ rewards, rewarded: { example, answer } });
    if ('fault' in found) faults.push(`${found.fault} for the answer ${JSON.stringify(answer.text)} to ${example.id}.`);
    const drawn = draws?.drawn(row) ?? [];
    all.push({
      example,
      answer,
      ...layoutOf({ reasoner, example, answer, drawn }),
      drawn,
      rewarded: 'fault' in found ? null : found,
      advantage: null,
    });
  }
  let withoutVariance = 0;
  for (let first = 0; first < all.length; first += group) {
    const own = all.slice(first, first + group);
    const compared = groupAdvantages({
      rewards: own.map(({ rewarded, answer }) =>
        unfinished === 'masked' && !answer.finished ? null : (rewarded?.total ?? null),
      ),
      scale,
    });
    if (compared.withoutVariance) withoutVariance++;
    for (const [index, rollout] of own.entries()) rollout.advantage = compared.advantages[index]!;
  }
  return { all, withoutVariance, faults };
}

/** An answer as a sequence to learn from: every token of the response carries loss, thoughts stand where they were thought; and what was decided on the way. */
function layoutOf({
  reasoner,
  example,
  answer: { prompt, ids, thoughts },
  drawn,
}: {
  reasoner: Reasoner;
  example: ReasoningExample;
  answer: Answer;
  drawn: readonly DrawnThought[];
}): Pick<Rollout, 'layout' | 'halts'> {
  const { method, settings } = reasoner;
  const { stages, visibility } = settings;
  const context = reasoner.layoutContext({ image: example.image });
  const taken = thoughts.filter(({ position }) => position < 0).length;
  const planned = method.promptThoughts?.({ example, stages, context }) ?? [];
  const before = planned.slice(0, taken);
  // After its last thought a model has nothing to decide.
  const halts = planned
    .slice(0, method.halting ? taken + 1 : 0)
    .map((_, count) => ({ position: planned[0]!.position - 1 + count, taken: count < taken }));
  const kind = method.addsStates === true ? ('added' as const) : ('token' as const);
  const written = thoughts
    .filter(({ position }) => position >= 0)
    .map(({ stage, index, position }) => ({ stage, index, position: prompt.length + position, kind }));
  const whole = [...prompt, ...ids];
  const fed = before.filter((thought) => thought.kind === 'continuous');
  const layout: Layout = {
    ids: whole,
    labels: [...prompt.map(() => IGNORED_LABEL), ...ids],
    promptLength: prompt.length,
    thoughts: [...before, ...written],
    ...(drawn.length > 0 && {
      inputs: drawn.map((thought, index) => {
        const { position } = fed[index]!;
        if ('vector' in thought) return { position, vector: thought.vector };
        return { position, ids: thought.ids, weights: thought.ids.map(() => 1 / thought.ids.length) };
      }),
    }),
    ...(visibility && { visibility, roles: rolesOf({ reasoner, example, whole, prompt }) }),
  };
  return { layout, halts };
}

/** The roles of a prompt and what was written after it, as the session told them. */
function rolesOf({
  reasoner,
  example,
  whole,
  prompt,
}: {
  reasoner: Reasoner;
  example: ReasoningExample;
  whole: readonly number[];
  prompt: number[];
}): NonNullable<Layout['roles']> {
  const [sight] = reasoner.sights({ questions: [example], answers: [{ prompt }] })!;
  for (const id of whole) sight!.push(id);
  return [...sight!.roles];
}
