import { randomAt } from '../batches/counter-random';
import { ReasonerError } from '../errors';
import type { LayoutContext, ThoughtWords } from './reasoning-method';

/** The words that an example has of its hidden stages, beside their thoughts. */
export interface StageWords {
  /** Before the answer: what thoughts are made from. @default nothing */
  words?: ThoughtWords;
  /** The stage whose words stand behind the answer, told from its thoughts. @default none */
  told?: string;
}

/** Draws the stages that an example has words of. Without counters nothing is left to chance, and there are none. */
export function drawStageWords({
  hidden,
  fromWords,
  toWords,
  counters,
}: {
  /** The hidden stages in order, with their words. */
  hidden: readonly { stage: string; text: string }[];
  /** Share of examples whose thoughts of one stage are made from its words. */
  fromWords: number;
  /** Share of examples that tell the thoughts of one stage. */
  toWords: number;
  counters: readonly number[] | undefined;
}): StageWords {
  if (!counters || hidden.length === 0) return {};
  const draw = (chance: number, of: number) =>
    randomAt(...counters, of) < chance ? hidden[Math.floor(randomAt(...counters, of + 1) * hidden.length)] : undefined;
  const from = draw(fromWords, 0);
  const told = draw(toWords, 2);
  return { ...(from && { words: { [from.stage]: from.text } }), ...(told && { told: told.stage }) };
}

/** @throws ReasonerError `invalid-option` where words of thoughts would be seen by everything, or what exchanged thoughts stand for */
export function checkVisible({
  context: { visibility },
  fromWords,
  toWords,
  swap,
}: {
  context: LayoutContext;
  fromWords: number;
  toWords: number;
  swap: number;
}): void {
  if (visibility !== undefined || (fromWords === 0 && toWords === 0 && swap === 0)) return;
  if (fromWords === 0 && toWords === 0)
    throw new ReasonerError({
      code: 'invalid-option',
      message:
        'Thoughts are exchanged (swap) only where a table says who sees a stage’s thoughts: choose a visibility, such as "chain", or leave swap at 0.',
    });
  const [what, option] =
    fromWords > 0 ? ['Thoughts are made from words', 'fromWords'] : ['Thoughts are told in words', 'toWords'];
  throw new ReasonerError({
    code: 'invalid-option',
    message: `${what} (${option}) only where ${fromWords > 0 ? 'nothing else sees those words' : 'those words see nothing else'}: choose a visibility, such as "chain", or leave ${option} at 0.`,
  });
}
