import { gridRows } from '@subtext/data';
import type { Answer } from '@subtext/reasoner';

/**
 * What a recurrent reasoner said after each recurrence, as lines: a grid in its rows, anything else as it is; what says the same
 * as the recurrence before is not written again.
 */
export function recurrenceLines({ recurrences = [] }: Pick<Answer, 'recurrences'>): string[] {
  return recurrences.flatMap(({ answer, right, moved }, index) => {
    const says = `right with ${right.toFixed(3)}; the state moved by ${moved.toFixed(3)}`;
    const after = `  after ${index + 1}`;
    if (index > 0 && recurrences[index - 1]!.answer === answer) return [`${after}: the same   (${says})`];
    const rows = gridRows(answer);
    if (rows === null) return [`${after}: ${answer}   (${says})`];
    return [`${after}:   (${says})`, ...rows.map((row) => `    ${row.join(' ')}`)];
  });
}
