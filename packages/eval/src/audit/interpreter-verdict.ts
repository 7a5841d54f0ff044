import type { Estimate } from '@subtext/core';

import type { InterpreterAudit } from './audit-interpreter';
import type { InterpreterCondition } from './audit-subject';
import { mostUndefined } from './thought-verdict';

/** In words whether an interpreter reads the thought; `cannot tell` where nothing could be measured. */
export type InterpreterVerdict =
  | 'reads the thought'
  | 'partly'
  /** What it tells is right no more often with the thought than without. */
  | 'guesses from the question'
  /** What it tells is wrong, with the thought and without. */
  | 'reads nothing'
  | 'cannot tell';

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
    ['blind interpreter', 'another example’s thought and an interpreter trained on such, which can only guess'],
    ['question only', 'the question alone (not a prompt it was trained on)'],
    ['mean', 'the mean thought (not a state it was trained on)'],
  ] as const) {
    const result = find(condition);
    if (result === undefined) continue;
    const fact =
      result.factMargin && result.factsRight
        ? `${percent(result.factsRight.value)} of the facts are right, ${percent(result.factMargin.value)} ${between(result.factMargin, percent)} below the own thought; `
        : '';
    const loss = result.likelihoodMargin
      ? `the true text loses ${nats(result.likelihoodMargin.value)} nats per token ${between(result.likelihoodMargin, nats)}; `
      : '';
    const same = result.sameText ? `${percent(result.sameText.value)} of the texts stay the same` : '';
    evidence.push(`With ${words}, ${fact}${loss}${same}.`);
  }
  if (find('another') === undefined)
    evidence.push(
      'No two examples have the same number of thoughts, so there is no other example’s thought to compare with.',
    );
  if (find('blind interpreter') === undefined)
    evidence.push(
      'No blind interpreter was trained on other examples’ thoughts (interpreters.blind): it might guess better than with another example’s thought, so less might be read than reported.',
    );
  if (readShare === null) {
    evidence.push(
      'Whether the thought is read cannot be measured: there is no control, or hardly anything is unknown without the thought; use data whose question does not give the stage away.',
    );
    return { verdict: 'cannot tell', certain: false, evidence };
  }
  if (readShare.undefinedShare > mostUndefined) {
    evidence.push(
      `In ${percent(readShare.undefinedShare)} of the resamples hardly anything is unknown without the thought, so the share that is read has no interval.`,
    );
    return { verdict: 'cannot tell', certain: false, evidence };
  }
  const [low, high] = readShare.interval;
  evidence.push(
    `Of ${measure === 'facts' ? 'the facts missed by the best blind guess' : 'the surprisal left by the best blind guess'}, the thought supplies ${percent(readShare.value)} ${between(readShare, percent)}.`,
  );
  if (low >= readsFrom) return { verdict: 'reads the thought', certain: true, evidence };
  if (high <= guessesTo)
    return {
      // Who guesses is right now and then: of one that is hardly ever right nothing is known but that.
      verdict:
        own?.factsRight && own.factsRight.interval[1] <= guessesTo ? 'reads nothing' : 'guesses from the question',
      certain: true,
      evidence,
    };
  if (low <= 0) {
    evidence.push('There are too few samples to tell whether anything is read.');
    return { verdict: 'cannot tell', certain: false, evidence };
  }
  const certain = low > guessesTo && high < readsFrom;
  if (!certain) evidence.push('The interval crosses a threshold between verdicts; use more samples.');
  return { verdict: 'partly', certain, evidence };
}
