import {
  type Answer,
  changedPlaces,
  type Question,
  readThoughts,
  type Reasoner,
  type SeenThought,
  thinkAgain,
  thoughtPlaces,
} from '@subtext/reasoner';

import { type AnswerUnder, answersUnder, type ChangedResponse } from './answers-under';
import { haltingChances } from './halting-chances';

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
  /** How much less likely the own answer is, in nats; NaN where it came to no answer. */
  lost: number;
}

/** What is asked of an answer's thoughts. */
export interface AnsweredQuestion {
  reasoner: Reasoner;
  question: Question;
  answer: Answer;
}

/**
 * For each thought and each stage, what the answer loses without it: all that comes after the stage is thought anew, and the
 * own answer's likelihood is taken there.
 *
 * @returns stages in order, each before its thoughts (a stage of one thought has no line of its own for it)
 */
export async function neededThoughts({
  another,
  ...asked
}: AnsweredQuestion & { /** Another example's thoughts. @default none */ another?: readonly SeenThought[] }): Promise<
  ThoughtNeed[]
> {
  const { answer, reasoner, question } = asked;
  const [seen] = await readThoughts({ reasoner, questions: [question], answers: [answer] });
  const slots = thoughtPlaces({ answer, reading: reasoner.settings.thoughtReading });
  const parts: { stage: string; index: number | null; cut: ChangedResponse; another: ChangedResponse | null }[] = [];
  for (const stage of new Set(answer.thoughts.map((thought) => thought.stage))) {
    const own = seen!.filter((thought) => thought.stage === stage);
    const places = slots.filter((_, place) => answer.thoughts[place]!.stage === stage);
    const others = another?.filter((thought) => thought.stage === stage);
    const fits =
      others?.length === own.length && (others.at(-1)?.next === undefined) === (own.at(-1)?.next === undefined);
    const indices = [null, ...(own.length > 1 ? own.keys() : [])];
    const put = (index: number | null, other: (place: number) => SeenThought | null) =>
      own.map((thought, place) => (index === null || index === place ? other(place) : thought));
    const rows = indices.flatMap((index) => [
      put(index, () => null),
      ...(fits ? [put(index, (place) => others[place]!)] : []),
    ]);
    const answers = await thinkAgain({
      reasoner,
      questions: rows.map(() => question),
      answers: rows.map(() => answer),
      stage,
      thoughts: rows,
    });
    const changed = rows.map((thoughts, row) => ({
      answer: answers[row]!,
      ...changedPlaces({ slots: places, thoughts }),
    }));
    for (const index of indices)
      parts.push({ stage, index, cut: changed.shift()!, another: fits ? changed.shift()! : null });
  }
  const changes = [
    { places: [], hidden: [] },
    ...parts.flatMap((part) => [part.cut, ...(part.another ? [part.another] : [])]),
  ];
  const [own, ...under] = await answersUnder({ ...asked, changes });
  const loss = ({ answer: written, logProbability }: AnswerUnder): AnswerLoss => ({
    answer: written,
    lost: own!.logProbability - logProbability,
  });
  return parts.map(({ stage, index, another: other }) => ({
    stage,
    index,
    cut: loss(under.shift()!),
    another: other && loss(under.shift()!),
  }));
}

/** What would be answered after the first thoughts alone. */
export interface EarlyAnswer extends AnswerUnder {
  /** How many thoughts are seen. */
  thoughts: number;
  /** How likely the halting head thinks on after them ({@link haltingChances}); null for a method without one. */
  goesOn: number | null;
}

/** What would be answered after no thought, the first, the first two … up to all, with the response as it was: later thoughts are cut. */
export async function earlyAnswers(asked: AnsweredQuestion): Promise<EarlyAnswer[]> {
  const { answer, reasoner } = asked;
  const slots = thoughtPlaces({ answer, reading: reasoner.settings.thoughtReading });
  const changes = Array.from({ length: slots.length + 1 }, (_, kept) =>
    changedPlaces({ slots: slots.slice(kept), thoughts: slots.slice(kept).map(() => null) }),
  );
  const under = await answersUnder({ ...asked, changes });
  const chances = await haltingChances(asked);
  return under.map((one, thoughts) => ({ ...one, thoughts, goesOn: chances?.[thoughts] ?? null }));
}
