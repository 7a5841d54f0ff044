import {
  type Answer,
  type ChangedPlaces,
  changedPlaces,
  type Question,
  type Reasoner,
  type SeenThought,
  thoughtPlaces,
} from '@subtext/reasoner';

import { type AnswerUnder, answersUnder } from './answers-under';

/** What an answer loses without one thought, or without a stage's. */
export interface ThoughtNeed {
  stage: string;
  /** Which thought of the stage; null: all of them. */
  index: number | null;
  /** With the thought cut: nothing sees it. */
  cut: AnswerLoss;
  /** With another example's in its place: in range, and of other content. Null where no other is given that has as many. */
  another: AnswerLoss | null;
}

/** What becomes of an answer. */
export interface AnswerLoss {
  answer: string | null;
  /** How much less likely the own answer is, in nats. */
  lost: number;
}

/** What is asked of an answer's thoughts. */
export interface AnsweredQuestion {
  reasoner: Reasoner;
  question: Question;
  answer: Answer;
}

/**
 * For each thought and each stage, what the answer loses without it; the rest of the response stays as it was.
 *
 * @returns stages in order, each before its thoughts (a stage of one thought has no line of its own for it)
 */
export async function neededThoughts({
  another,
  ...asked
}: AnsweredQuestion & { /** Another example's thoughts. @default none */ another?: readonly SeenThought[] }): Promise<
  ThoughtNeed[]
> {
  const { answer, reasoner } = asked;
  const slots = thoughtPlaces({ answer, reading: reasoner.settings.thoughtReading });
  const stages = [...new Set(answer.thoughts.map(({ stage }) => stage))];
  const parts = stages.flatMap((stage) => {
    const own = [...answer.thoughts.keys()].filter((place) => answer.thoughts[place]!.stage === stage);
    const others = another?.filter((thought) => thought.stage === stage);
    const of = (places: readonly number[], index: number | null) => ({
      stage,
      index,
      cut: changedPlaces({ slots: places.map((place) => slots[place]!), thoughts: places.map(() => null) }),
      another:
        others?.length === own.length
          ? changedPlaces({
              slots: places.map((place) => slots[place]!),
              thoughts: places.map((place) => others[own.indexOf(place)]!),
            })
          : null,
    });
    return [of(own, null), ...(own.length > 1 ? own.map((place, index) => of([place], index)) : [])];
  });
  const nothing: ChangedPlaces = { places: [], hidden: [] };
  // Thoughts are cut or replaced in a pass, and what is replaced is one size: both go together.
  const changes = [nothing, ...parts.flatMap((part) => [part.cut, ...(part.another ? [part.another] : [])])];
  const [own, ...under] = await answersUnder({ ...asked, changes });
  const loss = ({ answer: written, logProbability }: AnswerUnder): AnswerLoss => ({
    answer: written,
    lost: own!.logProbability - logProbability,
  });
  let next = 0;
  return parts.map(({ stage, index, another: other }) => ({
    stage,
    index,
    cut: loss(under[next++]!),
    another: other && loss(under[next++]!),
  }));
}

/** What would be answered after the first thoughts alone. */
export interface EarlyAnswer extends AnswerUnder {
  /** How many thoughts are seen. */
  thoughts: number;
}

/** What would be answered after no thought, the first, the first two … up to all, with the response as it was: later thoughts are cut. */
export async function earlyAnswers(asked: AnsweredQuestion): Promise<EarlyAnswer[]> {
  const { answer, reasoner } = asked;
  const slots = thoughtPlaces({ answer, reading: reasoner.settings.thoughtReading });
  const changes = Array.from({ length: slots.length + 1 }, (_, kept) =>
    changedPlaces({ slots: slots.slice(kept), thoughts: slots.slice(kept).map(() => null) }),
  );
  const under = await answersUnder({ ...asked, changes });
  return under.map((one, thoughts) => ({ ...one, thoughts }));
}
