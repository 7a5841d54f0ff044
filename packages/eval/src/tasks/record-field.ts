import type { ReasoningExample } from '@subtext/data';

import { EvaluationError } from '../errors';

/** What a record says in a field of its own, or its category; undefined where it says nothing. */
export function fieldOf({ example, field }: { example: ReasoningExample; field: string }): string | undefined {
  return field === 'category' ? example.category : example.metadata?.[field];
}

/** Refuses a field that no record has. @throws EvaluationError `invalid-option` */
export function checkField({ examples, field }: { examples: readonly ReasoningExample[]; field: string }): void {
  if (examples.some((example) => fieldOf({ example, field }) !== undefined)) return;
  const known = [...new Set(examples.flatMap(({ metadata = {} }) => Object.keys(metadata)))];
  throw new EvaluationError({
    code: 'invalid-option',
    message: `No record has the field "${field}". Fields: ${[...known, 'category'].join(', ')}. Data of the format "jsonl" may have any.`,
  });
}
