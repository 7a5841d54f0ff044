import type { Reasoner, ReasonerBatch } from '@subtext/reasoner';
import { tf } from '@subtext/tensor';

import { DataOrder } from '../batches/data-order';
import { TrainerError } from '../errors';
import { actions } from '../objectives/grpo';
import type { Runner } from '../program/runner';
import { keepFirstOfBest } from '../reinforcement/first-of-best';
import type { MadeReward } from '../reinforcement/rewards';
import { type RolloutShard, rolloutShards } from '../reinforcement/rollout-shards';
import { type Rollouts, type SampleOptions, sampleRollouts } from '../reinforcement/rollouts';
import type { ReasonerData } from './laid-out-examples';
import type { Shard, Source } from './source';

/** Options of {@link rolloutSource}. */
export interface RolloutSourceOptions extends Omit<SampleOptions, 'reasoner' | 'examples' | 'counters'> {
  data: ReasonerData;
  /** Of the phase in the run, from 0: names the order of the questions and the draws. */
  place: number;
  /** Over the model that is trained, with this thread's weights. */
  reasoner: Reasoner;
  /** The same model, as a pass over batches. */
  runner: Runner<ReasonerBatch>;
  /** The model that the policy is to stay near. @default none */
  reference?: Runner<ReasonerBatch>;
  /** Questions whose answers are sampled at a time. */
  questions: number;
  /** Updates from the same answers. */
  updates: number;
  per: 'answer' | 'token';
  firstFromBest: boolean;
  /** Told of answers whose reward is not known. */
  onFault?: (options: { step: number; faults: readonly string[] }) => void;
}

/**
 * Answers of the model that is trained, sampled with its weights as they are: a group to each question, rewarded, as batches
 * of the objective `grpo`. What is sampled is a function of the weights and the step, so that a run resumes where it stopped.
 *
 * Measures: `reward`, each reward by its name where there are several, `length` (tokens, thoughts among them), `unfinished`
 * (the share of answers that did not end), `skippedGroups` (whose answers all got the same), `rewardFaults`.
 *
 * @throws TrainerError `reward-failed` where no answer of a step can be rewarded
 */
export function rolloutSource({
  data,
  place,
  reasoner,
  runner,
  reference,
  questions,
  updates,
  per,
  firstFromBest,
  onFault,
  ...sampling
}: RolloutSourceOptions): Source<Shard<ReasonerBatch>> {
  const order = new DataOrder({ count: data.examples.length, seed: data.seed, phase: place });
  let made: { step: number; shards: Promise<Shard<ReasonerBatch>[]> } | undefined;

  async function sample(step: number): Promise<Shard<ReasonerBatch>[]> {
    const round = Math.floor(step / updates);
    const examples = order.batch({ step: round, size: questions }).map((index) => data.examples[index]!);
    const rollouts = await sampleRollouts({
      ...sampling,
      reasoner,
      examples,
      counters: [data.seed, place, round],
    });
    if (rollouts.faults.length > 0) onFault?.({ step, faults: rollouts.faults });
    if (rollouts.faults.length === rollouts.all.length)
      throw new TrainerError({
        code: 'reward-failed',
        message: `None of the ${rollouts.all.length} answers of a step could be rewarded. ${rollouts.faults[0]!} When the reward can be told again, start the run again: it goes on from where it stands.`,
      });
    const shards = await rolloutShards({
      rollouts: rollouts.all,
      data,
      temperature: sampling.temperature,
      thoughts: sampling.thoughts,
      per,
      measures: measuresOf({ rollouts, rewards: sampling.rewards }),
    });
    for (const shard of shards) {
      const part = shard.parts.grpo;
      if (updates > 1 || firstFromBest) part.old = await logProbabilities({ runner, shard });
      if (reference) part.reference = await logProbabilities({ runner: reference, shard });
    }
    if (firstFromBest) keepFirstOfBest({ shards });
    return shards.map(({ inputs, parts }) => ({ inputs, parts }));
  }

  return {
    weightsEvery: updates,
    batch(step) {
      const first = step - (step % updates);
      if (step === first || made?.step !== first) made = { step: first, shards: sample(first) };
      return made.shards;
    },
  };
}

/** By action of a shard, its log probability in a model. */
async function logProbabilities({
  runner,
  shard: { inputs, parts },
}: {
  runner: Runner<ReasonerBatch>;
  shard: RolloutShard;
}): Promise<Float32Array> {
  const found = tf.tidy(
    () => actions({ forward: runner.forward({ inputs, layers: false }), part: parts.grpo }).logProbabilities,
  );
  return (await found.data().finally(() => found.dispose())) as Float32Array;
}

/** What is told of a step's answers. */
function measuresOf({
  rollouts: { all, withoutVariance, faults },
  rewards,
}: {
  rollouts: Rollouts;
  rewards: readonly MadeReward[];
}): Record<string, number> {
  const known = all.flatMap(({ rewarded }) => rewarded ?? []);
  const mean = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const each = rewards.map(({ name }) => [`reward/${name}`, mean(known.map((one) => one.each[name]!))] as const);
  return {
    reward: mean(known.map(({ total }) => total)),
    ...(rewards.length > 1 && Object.fromEntries(each)),
    length: mean(all.map(({ answer }) => answer.tokens.generated)),
    unfinished: mean(all.map(({ answer }) => (answer.finished ? 0 : 1))),
    skippedGroups: withoutVariance,
    rewardFaults: faults.length,
  };
}
