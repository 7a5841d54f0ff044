import { EvaluationError } from '../errors';
import { bootstrap, meanAt, type BootstrapOptions } from '../statistics/bootstrap';
import { wilsonInterval } from '../statistics/intervals';
import type { InterpreterAuditSample, InterpreterAuditSubject, InterpreterCondition } from './audit-subject';
import type { Estimate } from './audit-thoughts';
import { replaceByAnother, replaceByMean, replaceByNoise, replaceByZeros, type ThoughtStates } from './interventions';

/** What an interpreter does under one condition. */
export interface InterpreterConditionResult {
  condition: InterpreterCondition;
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

/** In words whether an interpreter reads the thought. */
export type InterpreterVerdict = 'reads the thought' | 'partly' | 'guesses from the question';

/** An audit of an interpreter. */
export interface InterpreterAudit {
  count: number;
  conditions: InterpreterConditionResult[];
  /** `facts` where the data has facts, else `likelihood`. */
  measure: 'facts' | 'likelihood';
  /**
   * Share of what the best blind condition leaves open that the thought tells:
   * `(own − blind) / (1 − blind)` in facts, or `(NLL_blind − NLL_own) / NLL_blind`. Blind are the question
   * alone, the mean thought and another example's. Null where blindness leaves nothing open.
   */
  readShare: Estimate | null;
  verdict: InterpreterVerdict;
  /** False where there are too few samples to tell the verdict from its neighbour. */
  certain: boolean;
  evidence: string[];
}

/** Options of {@link auditInterpreter}. */
export interface AuditInterpreterOptions<Example> extends BootstrapOptions {
  subject: InterpreterAuditSubject<Example>;
  examples: readonly Example[];
  /** From this share on, by the interval's lower end, the interpreter reads. @default 0.5 */
  readsFrom?: number;
  /** Up to this share, by the interval's upper end, it guesses. @default 0.1 */
  guessesTo?: number;
  /** Called after each condition. @default none */
  onProgress?: (progress: { done: number; total: number; name: string }) => void;
}

const blindConditions: readonly InterpreterCondition[] = ['question only', 'mean', 'another'];

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
  readsFrom,
  guessesTo,
  onProgress,
  seed = 0,
  resamples,
  confidence,
}: AuditInterpreterOptions<Example>): Promise<InterpreterAudit> {
  const drawing: BootstrapOptions = { seed, resamples, confidence };
  if (examples.length < 2) throw new EvaluationError({ code: 'empty-set', message: `An audit needs two examples or more, got ${examples.length}; raise the limit.` });
  const thoughts = await subject.collect({ examples });
  checkCount('thoughts', thoughts.length, examples.length);
  const plan: { condition: InterpreterCondition; thoughts: ThoughtStates[] | null; question: boolean }[] = [
    { condition: 'own', thoughts, question: true },
    { condition: 'zeros', thoughts: replaceByZeros({ thoughts }).thoughts, question: true },
    { condition: 'mean', thoughts: replaceByMean({ thoughts }).thoughts, question: true },
    { condition: 'noise', thoughts: replaceByNoise({ thoughts, seed }).thoughts, question: true },
    { condition: 'another', thoughts: replaceByAnother({ thoughts, seed }).thoughts, question: true },
    { condition: 'question only', thoughts: null, question: true },
    { condition: 'thought only', thoughts, question: false },
  ];
  const runs = new Map<InterpreterCondition, InterpreterAuditSample[]>();
  for (const [index, step] of plan.entries()) {
    const samples = await subject.explain({ examples, ...step });
    checkCount(`samples for "${step.condition}"`, samples.length, examples.length);
    runs.set(step.condition, samples);
    onProgress?.({ done: index + 1, total: plan.length, name: step.condition });
  }
  const own = runs.get('own') as InterpreterAuditSample[];
  const facts = own.some(({ factsTotal }) => factsTotal > 0);
  const conditions = plan.map(({ condition }) => describe({ condition, own, samples: runs.get(condition) as InterpreterAuditSample[], facts, drawing }));
  const blind = blindConditions.map((condition) => runs.get(condition) as InterpreterAuditSample[]);
  const readShare = readShareOf({ own, blind, facts, drawing });
  const audit = { count: examples.length, conditions, measure: facts ? ('facts' as const) : ('likelihood' as const), readShare };
  return { ...audit, ...judgeInterpreter({ ...audit, readsFrom, guessesTo }) };
}

function describe({
  condition,
  own,
  samples,
  facts,
  drawing,
}: {
  condition: InterpreterCondition;
  own: readonly InterpreterAuditSample[];
  samples: readonly InterpreterAuditSample[];
  facts: boolean;
  drawing: BootstrapOptions;
}): InterpreterConditionResult {
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
    factsRight: facts ? estimate((indices) => factShare(samples, indices)) : null,
    negativeLogLikelihood: estimate((indices) => meanAt(likelihoods, indices)),
    factMargin: facts && other ? estimate((indices) => factShare(own, indices) - factShare(samples, indices)) : null,
    likelihoodMargin: other ? estimate((indices) => meanAt(likelihoods, indices) - meanAt(ownLikelihoods, indices)) : null,
    sameText: other ? { value: same / own.length, interval: wilsonInterval({ successes: same, total: own.length, confidence: drawing.confidence }) } : null,
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

function readShareOf({ own, blind, facts, drawing }: { own: InterpreterAuditSample[]; blind: InterpreterAuditSample[][]; facts: boolean; drawing: BootstrapOptions }): Estimate | null {
  const likelihoods = (samples: InterpreterAuditSample[]) => samples.map((sample) => sample.negativeLogLikelihood);
  const ownLikelihoods = likelihoods(own);
  const blindLikelihoods = blind.map(likelihoods);
  const { value, interval } = bootstrap({
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
  return Number.isFinite(value) && interval.every(Number.isFinite) ? { value, interval } : null;
}

/** The verdict's rule, for an audit's numbers. */
export function judgeInterpreter({
  conditions,
  measure,
  readShare,
  readsFrom = 0.5,
  guessesTo = 0.1,
}: Pick<InterpreterAudit, 'conditions' | 'measure' | 'readShare'> & { readsFrom?: number; guessesTo?: number }): Pick<InterpreterAudit, 'verdict' | 'certain' | 'evidence'> {
  const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
  const nats = (value: number) => value.toFixed(3);
  const between = ({ interval }: Estimate, write: (value: number) => string) => `[${write(interval[0])}, ${write(interval[1])}]`;
  const find = (condition: InterpreterCondition) => conditions.find((one) => one.condition === condition);
  const evidence: string[] = [];
  const own = find('own');
  if (own?.factsRight) evidence.push(`With the own thought ${percent(own.factsRight.value)} ${between(own.factsRight, percent)} of the facts are right.`);
  for (const [condition, words] of [
    ['another', 'another example’s thought'],
    ['question only', 'the question alone'],
    ['mean', 'the mean thought'],
  ] as const) {
    const result = find(condition);
    if (result === undefined) continue;
    const fact = result.factMargin && result.factsRight ? `${percent(result.factsRight.value)} of the facts are right, ${percent(result.factMargin.value)} ${between(result.factMargin, percent)} below the own thought; ` : '';
    const loss = result.likelihoodMargin ? `the true text loses ${nats(result.likelihoodMargin.value)} nats a token ${between(result.likelihoodMargin, nats)}; ` : '';
    const same = result.sameText ? `${percent(result.sameText.value)} of the texts stay the same` : '';
    evidence.push(`With ${words}, ${fact}${loss}${same}.`);
  }
  if (readShare === null) {
    evidence.push('Without the thought hardly anything is left open, so that nothing shows whether it is read; use data whose question does not give the stage away.');
    return { verdict: 'guesses from the question', certain: false, evidence };
  }
  const [low, high] = readShare.interval;
  evidence.push(`Of ${measure === 'facts' ? 'the facts that the best blind guess leaves open' : 'the surprise that the best blind guess leaves'}, the thought tells ${percent(readShare.value)} ${between(readShare, percent)}.`);
  if (low >= readsFrom) return { verdict: 'reads the thought', certain: true, evidence };
  if (high <= guessesTo) return { verdict: 'guesses from the question', certain: true, evidence };
  const verdict = low <= 0 && readShare.value < guessesTo ? 'guesses from the question' : 'partly';
  const certain = verdict === 'partly' && low > guessesTo && high < readsFrom;
  if (!certain) evidence.push('The interval reaches over a border between verdicts; more samples would tell.');
  return { verdict, certain, evidence };
}

function checkCount(what: string, got: number, expected: number): void {
  if (got !== expected) throw new EvaluationError({ code: 'length-mismatch', message: `The subject returned ${got} ${what} for ${expected} examples; it must return one an example, in order.` });
}
