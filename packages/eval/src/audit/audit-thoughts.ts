import { type Estimate, wilsonInterval } from '@subtext/core';
import type { ThoughtStates } from '@subtext/decoder';

import { EvaluationError } from '../errors';
import { bootstrap, meanAt, pairedBootstrap, type BootstrapOptions } from '../statistics/bootstrap';
import { holmCorrection } from '../statistics/holm-correction';
import { mcnemarTest } from '../statistics/mcnemar';
import type { ThoughtAuditSample, ThoughtAuditSubject } from './audit-subject';
import {
  cutThoughts,
  permuteThoughts,
  replaceByAnother,
  replaceByMean,
  replaceByNoise,
  replaceByZeros,
  swapThoughts,
  type InterventionKind,
  type ThoughtIntervention,
} from './interventions';

/** A share with what it rests on. */
export interface MeasuredShare extends Estimate {
  /** Examples that it was measured on. */
  count: number;
  /** Resamples in which it was not defined, such as those without room above the floor, as a share of all. */
  undefinedShare: number;
}

/** What one intervention did. */
export interface InterventionResult {
  kind: InterventionKind;
  name: string;
  kept?: number;
  /** Examples whose thoughts it changed: only they count below. */
  count: number;
  /** Null where it changed no example. */
  effect: InterventionEffect | null;
}

/** Measures over the examples that an intervention changed. */
export interface InterventionEffect {
  accuracy: Estimate;
  /** Accuracy with their own thoughts minus this; above 0: the thoughts were needed. */
  accuracyDrop: Estimate;
  /** McNemar's, after Holm's correction over the interventions. */
  pValue: number;
  /** Share of answers that became another. */
  flips: Estimate;
  /** Of the true answer, in nats. */
  negativeLogLikelihood: Estimate;
  /** This minus that with their own thoughts. */
  likelihoodLoss: Estimate;
  /** For a swap: share of answers that became the partner's, and that stayed one's own. */
  follows?: Estimate;
  stays?: Estimate;
}

/** In a few words whether the thoughts decide the answers; `cannot tell` where nothing could be measured. */
export type ThoughtVerdict = 'used' | 'partly used' | 'not used' | 'cannot tell';

/** An audit of a model's thoughts. */
export interface ThoughtAudit {
  count: number;
  /** With their own thoughts. */
  accuracy: Estimate;
  negativeLogLikelihood: Estimate;
  unparseable: number;
  interventions: InterventionResult[];
  /** Share of the accuracy above the floor that goes where thoughts are exchanged for others in range; null where it is not defined. */
  dependence: MeasuredShare | null;
  /** Examples whose thoughts no other example could take the place of, since none has as many. */
  withoutAnother: number;
  /** Accuracy that needs no thought. */
  floor: number;
  verdict: ThoughtVerdict;
  /** False where there are too few samples to tell the verdict from its neighbour. */
  certain: boolean;
  /** The verdict's reasons, a sentence each. */
  evidence: string[];
}

/** Options of {@link auditThoughts}. */
export interface AuditThoughtsOptions<Example> extends BootstrapOptions {
  subject: ThoughtAuditSubject<Example>;
  examples: readonly Example[];
  /** Accuracy that needs no thought: chance, or that of a model without a chain. @default 0 */
  floor?: number;
  /** Whether two examples may exchange their thoughts in a swap. @default any two */
  compatible?: (left: Example, right: Example) => boolean;
  /** Whether an example could give an answer at all, such as one of its own options: only then may a swap bring it the thoughts of that answer. @default any */
  candidate?: (example: Example, answer: string) => boolean;
  /** From this dependence on, by the interval's lower end, thoughts are used. @default 0.5 */
  usedFrom?: number;
  /** Up to this dependence, by the interval's upper end, they are not used. @default 0.1 */
  unusedTo?: number;
  /** A loss of likelihood, in nats, that counts where accuracy does not change. @default 0.05 */
  smallestLoss?: number;
  /** Called after each run. @default none */
  onProgress?: (progress: { done: number; total: number; name: string }) => void;
}

/**
 * Measures whether a model's answers depend on its thoughts: the same examples with their own thoughts
 * and with others in their place. The verdict rests on the replacements that stay in the range of true
 * thoughts, the mean and another example's; zeros and noise can break a model that never used what its
 * thoughts said.
 *
 * @throws EvaluationError empty-set for fewer than two examples or no thought; length-mismatch where the subject returns another number of samples.
 */
export async function auditThoughts<Example>(options: AuditThoughtsOptions<Example>): Promise<ThoughtAudit> {
  const { subject, examples, floor = 0, compatible, candidate, onProgress, seed = 0, resamples, confidence } = options;
  const drawing: BootstrapOptions = { seed, resamples, confidence };
  if (examples.length < 2)
    throw new EvaluationError({
      code: 'empty-set',
      message: `An audit needs two examples or more, got ${examples.length}; raise the limit.`,
    });
  const thoughts = await subject.collect({ examples });
  checkCount('thoughts', thoughts.length, examples.length);
  const most = thoughts.reduce((largest, states) => Math.max(largest, states.length), 0);
  if (most === 0)
    throw new EvaluationError({
      code: 'empty-set',
      message: 'No example has a thought, so there is nothing to audit; give a model that thinks in hidden states.',
    });
  const own = await subject.run({ examples, intervention: null });
  checkCount('samples', own.length, examples.length);

  const interventions = interventionsFor({
    thoughts,
    own,
    seed,
    most,
    segment: subject.segment,
    compatible: compatible && ((left, right) => compatible(examples[left] as Example, examples[right] as Example)),
    candidate: candidate && ((index, answer) => candidate(examples[index] as Example, answer)),
  });
  const total = interventions.length + 1;
  onProgress?.({ done: 1, total, name: 'own thoughts' });
  const runs: ThoughtAuditSample[][] = [];
  for (const [index, intervention] of interventions.entries()) {
    const samples = intervention.changed.some(Boolean) ? await subject.run({ examples, intervention }) : [...own];
    checkCount('samples', samples.length, examples.length);
    runs.push(samples);
    onProgress?.({ done: index + 2, total, name: intervention.name });
  }

  const results = interventions.map((intervention, index): InterventionResult & { rawPValue: number } => {
    const { effect, rawPValue } = measure({ own, samples: runs[index] as ThoughtAuditSample[], intervention, drawing });
    const { kind, name, kept, changed } = intervention;
    return {
      kind,
      name,
      ...(kept === undefined ? {} : { kept }),
      count: changed.filter(Boolean).length,
      effect,
      rawPValue,
    };
  });
  const adjusted = holmCorrection(results.map(({ rawPValue }) => rawPValue));
  const described = results.map(({ rawPValue: _, ...result }, index) => ({
    ...result,
    effect: result.effect && { ...result.effect, pValue: adjusted[index] as number },
  }));

  const correct = own.map(({ correct: right }) => (right ? 1 : 0));
  const inRange = interventions.flatMap((intervention, index) =>
    // A replacement that changes next to nobody's thoughts is no control.
    (intervention.kind === 'mean' || intervention.kind === 'another') &&
    intervention.changed.filter(Boolean).length >= 2
      ? [
          {
            changed: intervention.changed,
            correct: (runs[index] as ThoughtAuditSample[]).map((sample): number => (sample.correct ? 1 : 0)),
          },
        ]
      : [],
  );
  const dependence = dependenceOf({ correct, replaced: inRange, floor, drawing });
  const another = interventions.find(({ kind }) => kind === 'another');
  const withoutAnother = thoughts.filter(
    (states, index) => states.length > 0 && (another?.partners?.[index] ?? -1) < 0,
  ).length;
  const successes = correct.filter((right) => right === 1).length;
  const audit = {
    count: examples.length,
    accuracy: {
      value: successes / examples.length,
      interval: wilsonInterval({ successes, total: examples.length, confidence }),
    },
    negativeLogLikelihood: meanEstimate(
      own.map((sample) => sample.negativeLogLikelihood),
      drawing,
    ),
    unparseable: own.filter(({ answer }) => answer === null).length,
    interventions: described,
    dependence,
    withoutAnother,
    floor,
  };
  return {
    ...audit,
    ...judgeThoughts({
      ...audit,
      usedFrom: options.usedFrom,
      unusedTo: options.unusedTo,
      smallestLoss: options.smallestLoss,
    }),
  };
}

function interventionsFor({
  thoughts,
  own,
  seed,
  most,
  segment,
  compatible,
  candidate,
}: {
  thoughts: readonly ThoughtStates[];
  own: readonly ThoughtAuditSample[];
  seed: number;
  most: number;
  segment: number | undefined;
  compatible?: (left: number, right: number) => boolean;
  candidate?: (index: number, answer: string) => boolean;
}): ThoughtIntervention[] {
  return [
    replaceByZeros({ thoughts }),
    replaceByMean({ thoughts }),
    replaceByNoise({ thoughts, seed, segment }),
    replaceByAnother({ thoughts, seed }),
    ...(most > 1 ? [permuteThoughts({ thoughts, seed })] : []),
    ...Array.from({ length: most }, (_, kept) => cutThoughts({ thoughts, kept })),
    swapThoughts({ thoughts, answers: own.map(({ answer }) => answer), seed, compatible, candidate }),
  ];
}

function measure({
  own,
  samples,
  intervention,
  drawing,
}: {
  own: readonly ThoughtAuditSample[];
  samples: readonly ThoughtAuditSample[];
  intervention: ThoughtIntervention;
  drawing: BootstrapOptions;
}): { effect: InterventionEffect | null; rawPValue: number } {
  const indices = intervention.changed.flatMap((changed, index) => (changed ? [index] : []));
  if (indices.length === 0) return { effect: null, rawPValue: 1 };
  const before = indices.map((index) => own[index] as ThoughtAuditSample);
  const after = indices.map((index) => samples[index] as ThoughtAuditSample);
  const share = (flags: boolean[]): Estimate => {
    const successes = flags.filter(Boolean).length;
    return {
      value: successes / flags.length,
      interval: wilsonInterval({ successes, total: flags.length, confidence: drawing.confidence }),
    };
  };
  const numbers = (flags: ThoughtAuditSample[]) => flags.map(({ correct }) => (correct ? 1 : 0));
  const drop = pairedBootstrap({ left: numbers(before), right: numbers(after), ...drawing });
  const loss = pairedBootstrap({
    left: after.map((sample) => sample.negativeLogLikelihood),
    right: before.map((sample) => sample.negativeLogLikelihood),
    ...drawing,
  });
  const partners = intervention.kind === 'swapped' ? intervention.partners : undefined;
  const effect: InterventionEffect = {
    accuracy: share(after.map(({ correct }) => correct)),
    accuracyDrop: { value: drop.value, interval: drop.interval },
    pValue: 1,
    flips: share(after.map(({ answer }, place) => answer !== before[place]?.answer)),
    negativeLogLikelihood: meanEstimate(
      after.map((sample) => sample.negativeLogLikelihood),
      drawing,
    ),
    likelihoodLoss: { value: loss.value, interval: loss.interval },
    ...(partners === undefined
      ? {}
      : {
          follows: share(
            after.map(
              ({ answer }, place) =>
                answer === (own[partners[indices[place] as number] as number] as ThoughtAuditSample).answer,
            ),
          ),
          stays: share(after.map(({ answer }, place) => answer === before[place]?.answer)),
        }),
  };
  return {
    effect,
    rawPValue: mcnemarTest({ left: before.map(({ correct }) => correct), right: after.map(({ correct }) => correct) })
      .pValue,
  };
}

/**
 * The smaller of the drops by replacements in range, as a share of the accuracy above the floor, drawn together, over the
 * examples whose thoughts each of them changes.
 */
function dependenceOf({
  correct,
  replaced,
  floor,
  drawing,
}: {
  correct: number[];
  replaced: { changed: boolean[]; correct: number[] }[];
  floor: number;
  drawing: BootstrapOptions;
}): MeasuredShare | null {
  const places = correct.flatMap((_, index) =>
    replaced.length > 0 && replaced.every(({ changed }) => changed[index]) ? [index] : [],
  );
  if (places.length < 2) return null;
  const own = places.map((index) => correct[index] as number);
  const others = replaced.map((one) => places.map((index) => one.correct[index] as number));
  const { value, interval, undefinedResamples, resampled } = bootstrap({
    count: places.length,
    statistic: (indices) => {
      const accuracy = meanAt(own, indices);
      const room = accuracy - floor;
      return room > 0 ? Math.min(...others.map((scores) => accuracy - meanAt(scores, indices))) / room : Number.NaN;
    },
    ...drawing,
  });
  if (!Number.isFinite(value) || !interval.every(Number.isFinite)) return null;
  return {
    value,
    interval,
    count: places.length,
    undefinedShare: undefinedResamples / (undefinedResamples + resampled.length),
  };
}

/** With more undefined resamples than this, an interval says nothing. */
export const mostUndefined = 0.05;

/** The verdict's rule, for an audit's numbers. */
export function judgeThoughts({
  accuracy,
  dependence,
  withoutAnother = 0,
  floor,
  interventions,
  usedFrom = 0.5,
  unusedTo = 0.1,
  smallestLoss = 0.05,
}: Pick<ThoughtAudit, 'accuracy' | 'dependence' | 'floor' | 'interventions'> & {
  /** @default 0 */ withoutAnother?: number;
  usedFrom?: number;
  unusedTo?: number;
  smallestLoss?: number;
}): Pick<ThoughtAudit, 'verdict' | 'certain' | 'evidence'> {
  const evidence: string[] = [];
  const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
  const between = ({ interval }: Estimate, write: (value: number) => string) =>
    `[${write(interval[0])}, ${write(interval[1])}]`;
  const find = (kind: InterventionKind) => interventions.find((one) => one.kind === kind)?.effect ?? undefined;
  const atFloor = accuracy.interval[0] <= floor;
  if (atFloor) {
    evidence.push(
      `With its own thoughts the model answers ${percent(accuracy.value)} ${between(accuracy, percent)}, no better than the floor of ${percent(floor)}: there is no gain that thoughts could explain.`,
    );
  }
  for (const [kind, words] of [
    ['another', 'With another example’s thoughts'],
    ['mean', 'With the mean thought'],
  ] as const) {
    const effect = find(kind);
    if (effect === undefined) continue;
    evidence.push(
      `${words} accuracy is ${percent(effect.accuracy.value)} instead of ${percent(effect.accuracy.value + effect.accuracyDrop.value)} (drop ${between(effect.accuracyDrop, percent)}), ${percent(effect.flips.value)} of the answers change, and the true answer loses ${effect.likelihoodLoss.value.toFixed(3)} nats ${between(effect.likelihoodLoss, (value) => value.toFixed(3))}.`,
    );
  }
  if (withoutAnother > 0)
    evidence.push(
      `For ${withoutAnother} ${withoutAnother === 1 ? 'example' : 'examples'} no other has as many thoughts: they are left out where thoughts are exchanged.`,
    );
  const swapped = find('swapped');
  if (swapped?.follows !== undefined && swapped.stays !== undefined) {
    evidence.push(
      `Where two examples exchange their thoughts, the answer follows the thought in ${percent(swapped.follows.value)} ${between(swapped.follows, percent)} and stays in ${percent(swapped.stays.value)}.`,
    );
  } else
    evidence.push(
      'No two examples with answers that differ could exchange their thoughts, so that nothing shows whether answers follow them.',
    );
  if (atFloor) return { verdict: 'cannot tell', certain: false, evidence };
  if (dependence === null) {
    evidence.push(
      'No thoughts could be exchanged for others in range, so that nothing shows whether answers depend on them.',
    );
    return { verdict: 'cannot tell', certain: false, evidence };
  }
  if (dependence.undefinedShare > mostUndefined) {
    evidence.push(
      `In ${percent(dependence.undefinedShare)} of the resamples accuracy is no better than the floor, so that the dependence has no interval.`,
    );
    return { verdict: 'cannot tell', certain: false, evidence };
  }
  evidence.push(
    `Of the accuracy above the floor of ${percent(floor)}, ${percent(dependence.value)} ${between(dependence, percent)} depends on what the thoughts say${dependence.undefinedShare > 0 ? `; ${percent(dependence.undefinedShare)} of the resamples are left out, where accuracy is no better than the floor` : ''}.`,
  );
  const [low, high] = dependence.interval;
  const losses = [find('another'), find('mean')].flatMap((effect) =>
    effect === undefined ? [] : [effect.likelihoodLoss],
  );
  // As with accuracy, both replacements must hurt before likelihood counts as evidence of use.
  const likelihoodSuffers =
    losses.length > 0 && losses.every(({ value, interval }) => value >= smallestLoss && interval[0] > 0);
  if (low >= usedFrom) return { verdict: 'used', certain: true, evidence };
  if (high <= unusedTo && !likelihoodSuffers) return { verdict: 'not used', certain: true, evidence };
  if (low <= 0 && !likelihoodSuffers) {
    evidence.push('There are too few samples to tell whether anything depends on them.');
    return { verdict: 'cannot tell', certain: false, evidence };
  }
  if (high <= unusedTo)
    evidence.push('Accuracy hardly changes, but the true answer becomes less likely without the thoughts.');
  const belowUsed = high < usedFrom;
  const aboveUnused = low > unusedTo || likelihoodSuffers;
  if (!belowUsed || !aboveUnused)
    evidence.push(
      `The interval reaches over the border to ${belowUsed ? 'not used' : 'used'}; more samples would tell.`,
    );
  return { verdict: 'partly used', certain: belowUsed && aboveUnused, evidence };
}

function meanEstimate(values: readonly number[], drawing: BootstrapOptions): Estimate {
  const { value, interval } = bootstrap({
    count: values.length,
    statistic: (indices) => meanAt(values, indices),
    ...drawing,
  });
  return { value, interval };
}

function checkCount(what: string, got: number, expected: number): void {
  if (got !== expected)
    throw new EvaluationError({
      code: 'length-mismatch',
      message: `The subject returned ${got} ${what} for ${expected} examples; it must return one an example, in order.`,
    });
}
