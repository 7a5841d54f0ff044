import { parseWeightedLabels, type ReasoningExample } from '@subtext/data';

import { EvaluationError } from '../errors';
import { checkField, fieldOf } from '../tasks/record-field';

/** What was drawn for an example: its answer, or what a field of its record says. */
export function drawnLabel({ example, label }: { example: ReasoningExample; label: string }): string | undefined {
  return label === 'answer' ? example.answer : fieldOf({ example, field: label });
}

/**
 * The labels that the true distributions name, in alphabetical order.
 *
 * @throws EvaluationError `invalid-option` for a field that no record has, and a label; `invalid-task-data` for a record
 *   without a distribution, or one whose drawn label its distribution says to be impossible; `empty-set` for fewer than two labels
 */
export function labelsOf({
  examples,
  label,
  posterior,
}: {
  examples: readonly ReasoningExample[];
  label: string;
  posterior: string;
}): string[] {
  checkField({ examples, field: posterior });
  if (label !== 'answer') checkField({ examples, field: label });
  const labels = new Set<string>();
  for (const example of examples) {
    const truth = distributionOf({ example, posterior });
    const drawn = drawnLabel({ example, label });
    if (drawn === undefined || !((truth.get(drawn) ?? 0) > 0))
      throw new EvaluationError({
        code: 'invalid-task-data',
        message: `Example ${example.id}: its ${label}, ${drawn === undefined ? 'which it lacks' : JSON.stringify(drawn)}, is impossible by its ${posterior}, ${JSON.stringify(fieldOf({ example, field: posterior }))}. Name the field that tells how ${label} is distributed (--posterior).`,
      });
    for (const one of truth.keys()) labels.add(one);
  }
  if (labels.size < 2)
    throw new EvaluationError({
      code: 'empty-set',
      message: `The field "${posterior}" names one label only, ${[...labels].join()}: there is nothing to be uncertain of.`,
    });
  return [...labels].sort();
}

/** By example and label, the true probability. */
export function truthsOf({
  examples,
  posterior,
  labels,
}: {
  examples: readonly ReasoningExample[];
  posterior: string;
  labels: readonly string[];
}): number[][] {
  return examples.map((example) => {
    const truth = distributionOf({ example, posterior });
    return labels.map((label) => truth.get(label) ?? 0);
  });
}

function distributionOf({ example, posterior }: { example: ReasoningExample; posterior: string }): Map<string, number> {
  const text = fieldOf({ example, field: posterior });
  try {
    if (text !== undefined) return parseWeightedLabels(text);
  } catch (cause) {
    throw new EvaluationError({
      code: 'invalid-task-data',
      message: `Example ${example.id}, field "${posterior}": ${(cause as Error).message}`,
      cause,
    });
  }
  throw new EvaluationError({
    code: 'invalid-task-data',
    message: `Example ${example.id} has no field "${posterior}". Every example needs its true distribution, such as "red=2, green=1".`,
  });
}
