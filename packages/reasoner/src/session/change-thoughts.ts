import type { Answer } from '../reasoner/answer';
import type { Question, Reasoner } from '../reasoner/reasoner';
import { type SeenThought, thoughtPlaces } from './seen-thoughts';
import { type ChangedPlaces, changedPlaces, thinkAgain } from './think-again';

/** What takes the place of one stage's thoughts. */
export interface StageChange {
  stage: string;
  /** As many as the answer has of the stage; null: the thought is cut. */
  thoughts: readonly (SeenThought | null)[];
}

/** An answer some of whose thoughts are others. */
export interface ChangedAnswer extends ChangedPlaces {
  answer: Answer;
}

/**
 * Thinks on with the thoughts of several stages changed, one stage after the other in their order: what is changed in an
 * earlier stage stays so while a later one is, and all that no change stands for is made anew ({@link thinkAgain}).
 *
 * @returns the answer, and what is changed in its sequence, to feed it again
 * @throws ReasonerError as {@link thinkAgain}
 */
export async function changeThoughts({
  reasoner,
  question,
  answer,
  changes,
  signal,
}: {
  reasoner: Reasoner;
  question: Question;
  /** What the reasoner answered. */
  answer: Answer;
  changes: readonly StageChange[];
  signal?: AbortSignal;
}): Promise<ChangedAnswer> {
  const first = (stage: string) => answer.thoughts.findIndex((thought) => thought.stage === stage);
  let changed: ChangedAnswer = { answer, places: [], hidden: [] };
  for (const { stage, thoughts } of [...changes].sort((one, other) => first(one.stage) - first(other.stage))) {
    const before = changed;
    const [again] = await thinkAgain({
      reasoner,
      questions: [question],
      answers: [before.answer],
      stage,
      thoughts: [thoughts],
      before: [before],
      signal,
    });
    const slots = thoughtPlaces({ answer: before.answer, reading: reasoner.settings.thoughtReading });
    const own = slots.filter((_, place) => before.answer.thoughts[place]!.stage === stage);
    const here = changedPlaces({ slots: own, thoughts });
    changed = {
      answer: again!,
      places: [...before.places, ...here.places],
      hidden: [...before.hidden, ...here.hidden],
    };
  }
  return changed;
}
