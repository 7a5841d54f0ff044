import { ownValue } from '@subtext/core';
import { z } from 'zod';

import { ReasonerError } from '../errors';
import { asWritten } from './check-option';
import { count } from './option-schemas';

/** The most distinct thinking tokens a stage: Heima's own limit. */
const MAXIMUM_THINKING_TOKENS = 32;

/** How many thinking tokens stand for a stage. */
export type ThinkingTokenCount =
  /** The same number for every stage and example. */
  | { kind: 'fixed'; count: number }
  /** `max(⌊ratio · tokens of the stage's text⌋, 1)`, at most `maximum`: Heima's adaptive encoding. */
  | { kind: 'ratio'; ratio: number; maximum: number }
  /** A number for each stage, by name: a stage that holds more takes more tokens. */
  | { kind: 'stages'; counts: Readonly<Record<string, number>> };

/** The number as a configuration writes it. */
export const writtenThinkingTokens = z.union([
  count.max(MAXIMUM_THINKING_TOKENS).describe('the same number for every stage'),
  z
    .strictObject({
      ratio: z.number().gt(0).max(1),
      maximum: count.max(MAXIMUM_THINKING_TOKENS).default(MAXIMUM_THINKING_TOKENS),
    })
    .describe('a share of the tokens of the stage'),
  z
    .strictObject({ stages: z.record(z.string(), count.max(MAXIMUM_THINKING_TOKENS)) })
    .describe('a number for each stage by name'),
]);

/** The number of thinking tokens as a configuration writes it. */
export function thinkingTokenCount(written: z.output<typeof writtenThinkingTokens>): ThinkingTokenCount {
  if (typeof written === 'number') return { kind: 'fixed', count: written };
  if ('stages' in written) return { kind: 'stages', counts: written.stages };
  return { kind: 'ratio', ratio: written.ratio, maximum: written.maximum };
}

/** `<THINKING_OF_SUMMARY>`, or `<THINKING_OF_SUMMARY_1>` … where a stage may have several: Heima's names. */
export function thinkingTokenNames({
  stage,
  thinkingTokens,
}: {
  stage: string;
  thinkingTokens: ThinkingTokenCount;
}): string[] {
  const name = `THINKING_OF_${stage.toUpperCase()}`;
  const count = mostTokens({ stage, thinkingTokens });
  if (count === 1 && thinkingTokens.kind !== 'ratio') return [`<${name}>`];
  return Array.from({ length: count }, (_, index) => `<${name}_${index + 1}>`);
}

/** The most thinking tokens that a stage may take. */
function mostTokens({ stage, thinkingTokens }: { stage: string; thinkingTokens: ThinkingTokenCount }): number {
  if (thinkingTokens.kind === 'fixed') return thinkingTokens.count;
  if (thinkingTokens.kind === 'ratio') return thinkingTokens.maximum;
  const count = ownValue(thinkingTokens.counts, stage);
  if (count !== undefined) return count;
  throw new ReasonerError({
    code: 'invalid-option',
    message: `The number of thinking tokens is given for ${Object.keys(thinkingTokens.counts).join(', ')}, but not for the stage "${stage}".`,
  });
}

/** @throws ReasonerError `invalid-option` where a count is not 1 to {@link MAXIMUM_THINKING_TOKENS}, or a ratio not above 0 and at most 1 */
export function checkThinkingTokens(thinkingTokens: ThinkingTokenCount): void {
  const most =
    thinkingTokens.kind === 'stages'
      ? Object.values(thinkingTokens.counts)
      : [thinkingTokens.kind === 'fixed' ? thinkingTokens.count : thinkingTokens.maximum];
  const wrong = most.find((count) => !Number.isInteger(count) || count < 1 || count > MAXIMUM_THINKING_TOKENS);
  if (wrong !== undefined) {
    throw new ReasonerError({
      code: 'invalid-option',
      message: `Heima takes 1 to ${MAXIMUM_THINKING_TOKENS} thinking tokens a stage, not ${asWritten(wrong)}.`,
    });
  }
  if (thinkingTokens.kind === 'ratio' && !(thinkingTokens.ratio > 0 && thinkingTokens.ratio <= 1)) {
    throw new ReasonerError({
      code: 'invalid-option',
      message: `The ratio of thinking tokens to a stage's tokens lies above 0 and at most at 1, not at ${thinkingTokens.ratio}.`,
    });
  }
}
