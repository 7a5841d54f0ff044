import type { Estimate } from '@subtext/core';
import type { ThoughtStates } from '@subtext/decoder';

import { EvaluationError } from '../errors';
import type { BootstrapOptions } from '../statistics/bootstrap';
import { holmCorrection } from '../statistics/holm-correction';
import type { ThoughtAuditSample, ThoughtAuditSubject } from './audit-subject';
import {
  cutThoughts,
  permuteThoughts,
  replaceByAnother,
  replaceByMean,
  replaceByNoise,
  replaceByZeros,
  replaceByMarkers,
  swapThoughts,
  type ThoughtIntervention,
} from './interventions';
import {
  dependenceOf,
  type InterventionResult,
  meanEstimate,
  measure,
  type MeasuredShare,
  shareOf,
} from './measure-interventions';
import { judgeThoughts, type ThoughtVerdict } from './thought-verdict';

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
      message: 'No example has a thought, so there is nothing to audit; use a model that thinks in hidden states.',
    });
  const own = await subject.run({ examples, intervention: null });
  checkCount('samples', own.length, examples.length);

  const interventions = interventionsFor({
    thoughts,
    markers: await subject.markers?.({ examples }),
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
  const audit = {
    count: examples.length,
    accuracy: shareOf({ flags: own.map(({ correct: right }) => right), confidence }),
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
  markers,
  own,
  seed,
  most,
  segment,
  compatible,
  candidate,
}: {
  thoughts: readonly ThoughtStates[];
  markers: readonly ThoughtStates[] | undefined;
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
    ...(markers === undefined ? [] : [replaceByMarkers({ thoughts, markers })]),
    ...(most > 1 ? [permuteThoughts({ thoughts, seed })] : []),
    ...Array.from({ length: most }, (_, kept) => cutThoughts({ thoughts, kept })),
    swapThoughts({ thoughts, answers: own.map(({ answer }) => answer), seed, compatible, candidate }),
  ];
}

function checkCount(what: string, got: number, expected: number): void {
  if (got !== expected)
    throw new EvaluationError({
      code: 'length-mismatch',
      message: `The subject returned ${got} ${what} for ${expected} examples; it must return one an example, in order.`,
    });
}
