import { wilsonInterval, type Estimate } from '@subtext/core';
import type { ThoughtStates } from '@subtext/decoder';

import { EvaluationError } from '../errors';
import { bootstrap, meanAt, type BootstrapOptions } from '../statistics/bootstrap';
import type { InterpreterAuditSample, InterpreterAuditSubject, InterpreterCondition } from './audit-subject';
import { mostUndefined, type MeasuredShare } from './audit-thoughts';
import { replaceByAnother, replaceByMean, replaceByNoise, replaceByZeros } from './interventions';

/** What an interpreter does under one condition. */
export interface InterpreterConditionResult {
  condition: InterpreterCondition;
  /** Examples that have it: for another's thought, those of whose number of thoughts there is another. */
  count: number;
  /** Facts told right over all facts; null where the data has no facts. */
  factsRight: Estimate | null;
  /** Of the true stage, in nats a token. */
  negativeLogLikelihood: Estimate;
  /** Own thought's facts minus this; null for `own` and without facts. */
  factMargin: Estimate | null;
  /** This minus the own thought's; null for `own`. */
  likelihoodMargin: Estimate | null;
  /** Share of texts that are, letter for letter, the text from the own thought; null for `own`. */
  sameText: Estimate | null;
}

/** In words whether an interpreter reads the thought; `cannot tell` where nothing could be measured. */
export type InterpreterVerdict = 'reads the thought' | 'partly' | 'guesses from the question' | 'cannot tell';

/** An audit of an interpreter. */
export interface InterpreterAudit {
  count: number;
  conditions: InterpreterConditionResult[];
  /** `facts` where the data has facts, else `likelihood`. */
  measure: 'facts' | 'likelihood';
  /**
   * Share of what the best blind condition leaves open that the thought tells:
   * `(own − blind) / (1 − blind)` in facts, or `(NLL_blind − NLL_own) / NLL_blind`. Blind are conditions of the kind that
   * was trained on: another example's thought, and a blind interpreter where one is given. Null where there is none, or
   * where blindness leaves nothing open.
   */
  readShare: MeasuredShare | null;
  verdict: InterpreterVerdict;
  /** False where there are too few samples to tell the verdict from its neighbour. */
  certain: boolean;
  evidence: string[];
}

/** Options of {@link auditInterpreter}. */
export interface AuditInterpreterOptions<Example> extends BootstrapOptions {
  subject: InterpreterAuditSubject<Example>;
  examples: readonly Example[];
  /** An interpreter that was trained alike but never saw a thought of the example's own, such as with shuffled ones: the fairest guess. @default none */
  blind?: Pick<InterpreterAuditSubject<Example>, 'explain'>;
  /** From this share on, by the interval's lower end, the interpreter reads. @default 0.5 */
  readsFrom?: number;
  /** Up to this share, by the interval's upper end, it guesses. @default 0.1 */
  guessesTo?: number;
  /** Called after each condition. @default none */
  onProgress?: (progress: { done: number; total: number; name: string }) => void;
}

/** Conditions of the kind that an interpreter is trained on: a question and a true thought. A blind one was trained on its own kind. */
export const inDistribution: ReadonlySet<InterpreterCondition> = new Set(['own', 'another', 'blind interpreter']);

/**
 * Measures whether an interpreter's text comes from the thought: facts right and the likelihood of the
 * true stage with the own thought, against zeros, the mean, noise, another example's, the question alone
 * and the thought alone.
 *
 * @throws EvaluationError empty-set for fewer than two examples; length-mismatch where the subject returns another number of samples.
 */
export async function auditInterpreter<Example>({
  subject,
  examples,
  blind: blindSubject,
  readsFrom,
  guessesTo,
  onProgress,
  seed = 0,
  resamples,
  confidence,
}: AuditInterpreterOptions<Example>): Promise<InterpreterAudit> {
  const drawing: BootstrapOptions = { seed, resamples, confidence };
  if (examples.length < 2)
    throw new EvaluationError({
      code: 'empty-set',
      message: `An audit needs two examples or more, got ${examples.length}; raise the limit.`,
    });
  const thoughts = await subject.collect({ examples });
  checkCount('thoughts', thoughts.length, examples.length);
  const another = replaceByAnother({ thoughts, seed });
  const all = examples.map((_, index) => index);
  // Where no other example has as many thoughts, there is no such control: never the example's own.
  const withAnother = all.filter((index) => (another.partners?.[index] ?? -1) >= 0);
  const plan: {
    condition: InterpreterCondition;
    thoughts: readonly ThoughtStates[] | null;
    question: boolean;
    indices: number[];
    by?: Pick<InterpreterAuditSubject<Example>, 'explain'>;
  }[] = [
    { condition: 'own', thoughts, question: true, indices: all },
    ...(withAnother.length < 2
      ? []
      : [{ condition: 'another' as const, thoughts: another.thoughts, question: true, indices: withAnother }]),
    ...(blindSubject === undefined
      ? []
      : [{ condition: 'blind interpreter' as const, thoughts: null, question: true, indices: all, by: blindSubject }]),
    { condition: 'zeros', thoughts: replaceByZeros({ thoughts }).thoughts, question: true, indices: all },
    { condition: 'mean', thoughts: replaceByMean({ thoughts }).thoughts, question: true, indices: all },
    { condition: 'noise', thoughts: replaceByNoise({ thoughts, seed }).thoughts, question: true, indices: all },
    { condition: 'question only', thoughts: null, question: true, indices: all },
    { condition: 'thought only', thoughts, question: false, indices: all },
  ];
  const runs = new Map<InterpreterCondition, Run>();
  for (const [step, { condition, thoughts: given, question, indices, by = subject }] of plan.entries()) {
    const samples = await by.explain({
      examples: indices.map((index) => examples[index] as Example),
      condition,
      thoughts: given === null ? null : indices.map((index) => given[index] as ThoughtStates),
      question,
    });
    checkCount(`samples for "${condition}"`, samples.length, indices.length);
    runs.set(condition, { indices, samples });
    onProgress?.({ done: step + 1, total: plan.length, name: condition });
  }
  const own = (runs.get('own') as Run).samples;
  const facts = own.some(({ factsTotal }) => factsTotal > 0);
  const conditions = plan.map(({ condition }) =>
    describe({ condition, own, run: runs.get(condition) as Run, facts, drawing }),
  );
  const blind = [...runs].flatMap(([condition, run]) =>
    condition !== 'own' && inDistribution.has(condition) ? [run] : [],
  );
  const readShare = readShareOf({ own, blind, facts, drawing });
  const audit = {
    count: examples.length,
    conditions,
    measure: facts ? ('facts' as const) : ('likelihood' as const),
    readShare,
  };
  return { ...audit, ...judgeInterpreter({ ...audit, readsFrom, guessesTo }) };
}

/** The samples of one condition, and which examples they are of. */
interface Run {
  indices: number[];
  samples: InterpreterAuditSample[];
}

function describe({
  condition,
  own: every,
  run: { indices: places, samples },
  facts,
  drawing,
}: {
  condition: InterpreterCondition;
  own: readonly InterpreterAuditSample[];
  run: Run;
  facts: boolean;
  drawing: BootstrapOptions;
}): InterpreterConditionResult {
  const own = places.map((index) => every[index] as InterpreterAuditSample);
  const estimate = (statistic: (indices: Int32Array) => number): Estimate => {
    const { value, interval } = bootstrap({ count: own.length, statistic, ...drawing });
    return { value, interval };
  };
  const likelihoods = samples.map((sample) => sample.negativeLogLikelihood);
  const ownLikelihoods = own.map((sample) => sample.negativeLogLikelihood);
  const same = samples.filter(({ text }, index) => text === own[index]?.text).length;
  const other = condition !== 'own';
  return {
    condition,
    count: own.length,
    factsRight: facts ? estimate((indices) => factShare(samples, indices)) : null,
    negativeLogLikelihood: estimate((indices) => meanAt(likelihoods, indices)),
    factMargin: facts && other ? estimate((indices) => factShare(own, indices) - factShare(samples, indices)) : null,
    likelihoodMargin: other
      ? estimate((indices) => meanAt(likelihoods, indices) - meanAt(ownLikelihoods, indices))
      : null,
    sameText: other
      ? {
          value: same / own.length,
          interval: wilsonInterval({ successes: same, total: own.length, confidence: drawing.confidence }),
        }
      : null,
  };
}

/** Facts right over facts of the drawn samples; NaN where they have none. */
function factShare(samples: readonly InterpreterAuditSample[], indices: Int32Array): number {
  let right = 0;
  let total = 0;
  for (const index of indices) {
    const sample = samples[index] as InterpreterAuditSample;
    right += sample.factsRight;
    total += sample.factsTotal;
  }
  return right / total;
}

/** Over the examples that have every blind condition. */
function readShareOf({
  own: every,
  blind: runs,
  facts,
  drawing,
}: {
  own: InterpreterAuditSample[];
  blind: Run[];
  facts: boolean;
  drawing: BootstrapOptions;
}): MeasuredShare | null {
  const places = every.flatMap((_, index) =>
    runs.length > 0 && runs.every(({ indices }) => indices.includes(index)) ? [index] : [],
  );
  if (places.length < 2) return null;
  const own = places.map((index) => every[index] as InterpreterAuditSample);
  const blind = runs.map(({ indices, samples }) => {
    const by = new Map(indices.map((index, place) => [index, samples[place] as InterpreterAuditSample]));
    return places.map((index) => by.get(index) as InterpreterAuditSample);
  });
  const likelihoods = (samples: InterpreterAuditSample[]) => samples.map((sample) => sample.negativeLogLikelihood);
  const ownLikelihoods = likelihoods(own);
  const blindLikelihoods = blind.map(likelihoods);
  const { value, interval, undefinedResamples, resampled } = bootstrap({
    count: own.length,
    statistic: (indices) => {
      if (facts) {
        const best = Math.max(...blind.map((samples) => factShare(samples, indices)));
        // With less than a hundredth of the facts open there is nothing to read.
        return best < 0.99 ? (factShare(own, indices) - best) / (1 - best) : Number.NaN;
      }
      const best = Math.min(...blindLikelihoods.map((values) => meanAt(values, indices)));
      return best > 1e-3 ? (best - meanAt(ownLikelihoods, indices)) / best : Number.NaN;
    },
    ...drawing,
  });
  if (!Number.isFinite(value) || !interval.every(Number.isFinite)) return null;
  return {
    value,
    interval,
    count: own.length,
    undefinedShare: undefinedResamples / (undefinedResamples + resampled.length),
  };
}

/** The verdict's rule, for an audit's numbers. */
export function judgeInterpreter({
  conditions,
  measure,
  readShare,
  readsFrom = 0.5,
  guessesTo = 0.1,
}: Pick<InterpreterAudit, 'conditions' | 'measure' | 'readShare'> & { readsFrom?: number; guessesTo?: number }): Pick<
  InterpreterAudit,
  'verdict' | 'certain' | 'evidence'
> {
  const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
  const nats = (value: number) => value.toFixed(3);
  const between = ({ interval }: Estimate, write: (value: number) => string) =>
    `[${write(interval[0])}, ${write(interval[1])}]`;
  const find = (condition: InterpreterCondition) => conditions.find((one) => one.condition === condition);
  const evidence: string[] = [];
  const own = find('own');
  if (own?.factsRight)
    evidence.push(
      `With the own thought ${percent(own.factsRight.value)} ${between(own.factsRight, percent)} of the facts are right.`,
    );
  for (const [condition, words] of [
    ['another', 'another example’s thought'],
    ['blind interpreter', 'no thought, by an interpreter trained to guess'],
    ['question only', 'the question alone (a prompt that it was not trained on)'],
    ['mean', 'the mean thought (a state that it was not trained on)'],
  ] as const) {
    const result = find(condition);
    if (result === undefined) continue;
    const fact =
      result.factMargin && result.factsRight
        ? `${percent(result.factsRight.value)} of the facts are right, ${percent(result.factMargin.value)} ${between(result.factMargin, percent)} below the own thought; `
        : '';
    const loss = result.likelihoodMargin
      ? `the true text loses ${nats(result.likelihoodMargin.value)} nats a token ${between(result.likelihoodMargin, nats)}; `
      : '';
    const same = result.sameText ? `${percent(result.sameText.value)} of the texts stay the same` : '';
    evidence.push(`With ${words}, ${fact}${loss}${same}.`);
  }
  if (find('another') === undefined)
    evidence.push(
      'No two examples have as many thoughts, so that there is no other example’s thought to compare with.',
    );
  if (find('blind interpreter') === undefined)
    evidence.push(
      'No interpreter was trained without thoughts: a guess by one could be better than with another example’s thought, and what is read would be less.',
    );
  if (readShare === null) {
    evidence.push(
      'Nothing shows whether the thought is read: there is no control, or hardly anything is left open without the thought; use data whose question does not give the stage away.',
    );
    return { verdict: 'cannot tell', certain: false, evidence };
  }
  if (readShare.undefinedShare > mostUndefined) {
    evidence.push(
      `In ${percent(readShare.undefinedShare)} of the resamples hardly anything is left open without the thought, so that the share that is read has no interval.`,
    );
    return { verdict: 'cannot tell', certain: false, evidence };
  }
  const [low, high] = readShare.interval;
  evidence.push(
    `Of ${measure === 'facts' ? 'the facts that the best blind guess leaves open' : 'the surprise that the best blind guess leaves'}, the thought tells ${percent(readShare.value)} ${between(readShare, percent)}.`,
  );
  if (low >= readsFrom) return { verdict: 'reads the thought', certain: true, evidence };
  if (high <= guessesTo) return { verdict: 'guesses from the question', certain: true, evidence };
  if (low <= 0) {
    evidence.push('There are too few samples to tell whether anything is read.');
    return { verdict: 'cannot tell', certain: false, evidence };
  }
  const certain = low > guessesTo && high < readsFrom;
  if (!certain) evidence.push('The interval reaches over a border between verdicts; more samples would tell.');
  return { verdict: 'partly', certain, evidence };
}

function checkCount(what: string, got: number, expected: number): void {
  if (got !== expected)
    throw new EvaluationError({
      code: 'length-mismatch',
      message: `The subject returned ${got} ${what} for ${expected} examples; it must return one an example, in order.`,
    });
}
