import type { Estimate } from '@subtext/core';

import type { ThoughtAudit } from './audit-thoughts';
import type { InterventionKind } from './interventions';

/** In a few words whether the thoughts decide the answers; `cannot tell` where nothing could be measured. */
export type ThoughtVerdict = 'used' | 'partly used' | 'not used' | 'cannot tell';

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
      `With its own thoughts accuracy is ${percent(accuracy.value)} ${between(accuracy, percent)}, no better than the floor of ${percent(floor)}: there is no gain for thoughts to explain.`,
    );
  }
  for (const [kind, words] of [
    ['another', 'With another example’s thoughts'],
    ['mean', 'With the mean thought'],
    ['markers', 'With the thoughts’ tokens alone, without their content,'],
    ['cut', 'Without any thought'],
  ] as const) {
    const effect = find(kind);
    if (effect === undefined) continue;
    evidence.push(
      `${words} accuracy is ${percent(effect.accuracy.value)} instead of ${percent(effect.accuracy.value + effect.accuracyDrop.value)} (drop ${between(effect.accuracyDrop, percent)}), ${percent(effect.flips.value)} of the answers change, and the true answer loses ${effect.likelihoodLoss.value.toFixed(3)} nats ${between(effect.likelihoodLoss, (value) => value.toFixed(3))}.`,
    );
  }
  if (withoutAnother > 0)
    evidence.push(
      `For ${withoutAnother} ${withoutAnother === 1 ? 'example' : 'examples'} no other has the same number of thoughts: they are excluded from swaps.`,
    );
  const swapped = find('swapped');
  if (swapped?.follows !== undefined && swapped.stays !== undefined) {
    evidence.push(
      `When two examples swap their thoughts, the answer follows the thought in ${percent(swapped.follows.value)} ${between(swapped.follows, percent)} and stays in ${percent(swapped.stays.value)}.`,
    );
  } else
    evidence.push(
      'No two examples with different answers could swap their thoughts, so whether answers follow them is unknown.',
    );
  if (atFloor) return { verdict: 'cannot tell', certain: false, evidence };
  if (dependence === null) {
    evidence.push('No thoughts could be swapped for others in range, so whether answers depend on them is unknown.');
    return { verdict: 'cannot tell', certain: false, evidence };
  }
  if (dependence.undefinedShare > mostUndefined) {
    evidence.push(
      `In ${percent(dependence.undefinedShare)} of the resamples accuracy is no better than the floor, so the dependence has no interval.`,
    );
    return { verdict: 'cannot tell', certain: false, evidence };
  }
  evidence.push(
    `Of the accuracy above the floor of ${percent(floor)}, ${percent(dependence.value)} ${between(dependence, percent)} depends on the content of the thoughts${dependence.undefinedShare > 0 ? `; ${percent(dependence.undefinedShare)} of the resamples are excluded, because accuracy is no better than the floor` : ''}.`,
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
    evidence.push(`The interval crosses the threshold for ${belowUsed ? 'not used' : 'used'}; use more samples.`);
  return { verdict: 'partly used', certain: belowUsed && aboveUnused, evidence };
}
