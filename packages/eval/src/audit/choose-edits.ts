import {
  type CounterfactualAnswer,
  factEdits,
  normalizeAnswer,
  RandomStream,
  type ReasoningExample,
} from '@subtext/data';
import { stageName } from '@subtext/reasoner';

/** What a stage is told in place of its own words. */
export interface ChosenEdit {
  /** Place of the example. */
  row: number;
  text: string;
  /** What is told, for people: `colour in the top-left: red → blue`, or whose words. */
  change: string;
  /** The answer that follows. */
  answer: string;
}

/** The edits that an audit makes. */
export interface ChosenEdits {
  /** What is told: the stage with one fact changed, or what another example's stage says. */
  edit: 'one fact' | 'another example’s words';
  /** Edits after which another answer follows than the example's own, one an example at most. */
  changing: ChosenEdit[];
  /** Edits after which the answer stays. */
  sparing: ChosenEdit[];
}

/** A stage's text in an example; undefined where its chain has no such step. */
export function textOf({ steps }: ReasoningExample, stage: string): string | undefined {
  return steps.find((step, index) => stageName({ step, index }) === stage)?.text;
}

/**
 * Chooses edits of a stage's words, of which the data tells what follows: where it knows the stage's facts (`factEdits`) one
 * fact that changes the answer and one that does not, each drawn at random; else another example's words from which another
 * answer follows.
 */
export function chooseEdits({
  examples,
  rows,
  stage,
  counterfactual,
  seed = 0,
}: {
  examples: readonly ReasoningExample[];
  /** Places of the examples that are edited. */
  rows: readonly number[];
  stage: string;
  /** @default nothing is known */ counterfactual?: CounterfactualAnswer;
  /** @default 0 */ seed?: number;
}): ChosenEdits {
  const random = new RandomStream({ seed, name: `edits of ${stage}` });
  const changing: ChosenEdit[] = [];
  const sparing: ChosenEdit[] = [];
  const facts = rows.map((row) => ({ row, edits: factEdits({ example: examples[row]!, stage }) }));
  if (facts.some(({ edits }) => edits.length > 0)) {
    for (const { row, edits } of facts) {
      for (const [list, changes] of [
        [changing, true],
        [sparing, false],
      ] as const) {
        const fitting = edits.filter(({ answer }) => sameAnswer(answer, examples[row]!.answer) !== changes);
        if (fitting.length === 0) continue;
        list.push({ row, ...random.pick(fitting) });
      }
    }
    return { edit: 'one fact', changing, sparing };
  }
  const order = random.shuffle(rows);
  for (const [place, row] of counterfactual ? order.entries() : []) {
    for (let step = 1; step < order.length; step++) {
      const partner = examples[order[(place + step) % order.length]!]!;
      const text = textOf(partner, stage);
      const answer = text?.trim() ? counterfactual!({ example: examples[row]!, partner, stage }) : null;
      if (answer === null || sameAnswer(answer, examples[row]!.answer)) continue;
      changing.push({ row, text: text!, change: `the words of ${partner.id}`, answer });
      break;
    }
  }
  return { edit: 'another example’s words', changing, sparing };
}

/** Whether two answers are the same; none is the same as nothing. */
export function sameAnswer(one: string | null, other: string | null): boolean {
  return one !== null && other !== null && normalizeAnswer(one) === normalizeAnswer(other);
}
