import { ReasonerError } from '../errors';
import type { Answer } from '../reasoner/answer';
import type { Question } from '../reasoner/reasoner';
import { readThoughts, type SeenThought } from './seen-thoughts';
import { type ChangedAnswers, checkStage, stageNotHidden, thinkAgain } from './think-again';
import { alongDirection, type ThoughtDirection } from './thought-direction';

/** How thoughts are steered. */
export interface Steering {
  direction: ThoughtDirection;
  /** How often the direction is added; below 0: the other way. @default 1 */
  strength?: number;
  /** The stage that it is added to. @default the one that it was made of */
  stage?: string;
}

/**
 * Steers answers: adds a direction to the thoughts of one stage (activation addition: Turner et al., arXiv 2308.10248; here
 * in what later positions see of a thought: in every layer, its keys and values) and thinks on from there. An answer that
 * has no thought of the stage stays as it is.
 *
 * ```ts
 * const answers = await reasoner.think({ questions });
 * const direction = await loadDirection({ path: 'red.safetensors' });
 * const steered = await steer({ reasoner, questions, answers, direction, strength: 2 });
 * ```
 *
 * @throws ReasonerError `unknown-stage`; `stage-not-hidden` where no answer has a thought of the stage; `stages-differ`,
 *   `width-mismatch` for a direction that does not fit; `invalid-option` for a strength that is no number
 */
export async function steer({
  direction,
  strength = 1,
  stage = direction.stage,
  ...changed
}: ChangedAnswers & Steering): Promise<Answer[]> {
  if (!Number.isFinite(strength))
    throw new ReasonerError({ code: 'invalid-option', message: `A strength is a number, not ${strength}.` });
  const own = await stageThoughts({ ...changed, stage });
  return thinkAgain({
    ...changed,
    stage,
    thoughts: own.map((thoughts) => thoughts && alongDirection({ thoughts, direction, strength })),
  });
}

/**
 * By answer, what can be learnt from its thoughts of one stage; null where it has none.
 *
 * @throws ReasonerError `unknown-stage`; `stage-not-hidden` where no answer has any
 */
export async function stageThoughts({
  stage,
  ...read
}: ChangedAnswers & { stage: string }): Promise<(SeenThought[] | null)[]> {
  checkStage({ reasoner: read.reasoner, stage });
  const seen = (await readThoughts(read)).map((thoughts) => {
    const own = thoughts.filter((thought) => thought.stage === stage);
    return own.length === 0 ? null : own;
  });
  if (seen.length > 0 && seen.every((own) => own === null)) throw stageNotHidden({ answers: read.answers, stage });
  return seen;
}

/**
 * Exchanges the thoughts of one stage for those that another question got, and thinks on from there: one question's answer
 * with another's caption, say.
 *
 * @throws ReasonerError as {@link stageThoughts}; `stages-differ` where one has other numbers of thoughts than the other
 */
export async function swapStage({
  stage,
  from,
  ...changed
}: ChangedAnswers & {
  stage: string;
  /** By question: the question whose thoughts it gets, and what that was answered. */
  from: readonly { question: Question; answer: Answer }[];
}): Promise<Answer[]> {
  const others = await stageThoughts({
    ...changed,
    stage,
    questions: from.map(({ question }) => question),
    answers: from.map(({ answer }) => answer),
  });
  return thinkAgain({ ...changed, stage, thoughts: others });
}
