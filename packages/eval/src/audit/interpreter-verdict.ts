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
    [
      'blind interpreter',
      'another example’s thought and an interpreter that was trained on such, so that it can only guess',
    ],
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
      'No blind interpreter was trained, on other examples’ thoughts (interpreters.blind): a guess by one could be better than with another example’s thought, and what is read would be less.',
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
  if (!certain) evidence.push('The interval reaches over a border between verdicts; more samples would tell.');
  return { verdict: 'partly', certain, evidence };
}
