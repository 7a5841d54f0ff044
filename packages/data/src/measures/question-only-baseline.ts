import type { ReasoningExample } from '../reasoning-example';

/** How often a lookup on the question's text is right. */
export interface QuestionOnlyAccuracy {
  /** Held-out examples. */
  examples: number;
  right: number;
  /** `right / examples`. */
  accuracy: number;
}

export interface QuestionOnlyBaseline extends QuestionOnlyAccuracy {
  /** The same by category of question; examples without one are under ''. */
  byCategory: Record<string, QuestionOnlyAccuracy>;
}

type Asked = Pick<ReasoningExample, 'question' | 'answer' | 'category'>;

function countAnswers(examples: Iterable<Asked>, key: (example: Asked) => string): Map<string, Map<string, number>> {
  const counts = new Map<string, Map<string, number>>();
  for (const example of examples) {
    const answers = counts.get(key(example)) ?? new Map<string, number>();
    answers.set(example.answer, (answers.get(example.answer) ?? 0) + 1);
    counts.set(key(example), answers);
  }
  return counts;
}

function mostFrequent(answers: Map<string, number> | undefined): string | undefined {
  return answers && [...answers].reduce((best, entry) => (entry[1] > best[1] ? entry : best))[0];
}

/**
 * What the question alone gives away: the answer most frequent in training for the very question, else for its
 * category, else over all, scored on held-out examples. A model that reads the image must do better than this.
 */
export function questionOnlyBaseline(options: {
  train: Iterable<Asked>;
  heldOut: Iterable<Asked>;
}): QuestionOnlyBaseline {
  const train = [...options.train];
  const byQuestion = countAnswers(train, (example) => `${example.category ?? ''}\n${example.question}`);
  const byCategory = countAnswers(train, (example) => example.category ?? '');
  const overall = mostFrequent(countAnswers(train, () => '').get(''));

  const total: QuestionOnlyBaseline = { examples: 0, right: 0, accuracy: 0, byCategory: {} };
  // A map: a category may have the name of something that every object has.
  const groups = new Map<string, QuestionOnlyAccuracy>();
  for (const example of options.heldOut) {
    const category = example.category ?? '';
    const guess =
      mostFrequent(byQuestion.get(`${category}\n${example.question}`)) ??
      mostFrequent(byCategory.get(category)) ??
      overall;
    const group = groups.get(category) ?? { examples: 0, right: 0, accuracy: 0 };
    groups.set(category, group);
    for (const score of [total, group]) {
      score.examples += 1;
      if (guess === example.answer) score.right += 1;
      score.accuracy = score.right / score.examples;
    }
  }
  return { ...total, byCategory: Object.fromEntries(groups) };
}
