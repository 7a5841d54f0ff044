import { numbersOf } from './numbers';

/** What of a reference stands in a text. */
export interface RecallScore {
  found: number;
  total: number;
  /** found / total; null where the reference holds none, so that it is left out of means. */
  recall: number | null;
  /** What is missing, in the reference's order. */
  missing: string[];
}

/** How many of the reference's numbers stand in the text, each as often as the reference has it. */
export function numberRecall({ hypothesis, reference }: { hypothesis: string; reference: string }): RecallScore {
  const available = new Map<string, number>();
  for (const number of numbersOf(hypothesis)) available.set(number, (available.get(number) ?? 0) + 1);
  const missing = numbersOf(reference).filter((number) => {
    const left = available.get(number) ?? 0;
    available.set(number, left - 1);
    return left <= 0;
  });
  const total = numbersOf(reference).length;
  return score(total, missing);
}

/**
 * How many of the reference's entities the text names, each counted once, whole words in any case.
 * A plural s does not matter: a text about "circles" names the "circle".
 */
export function entityRecall({
  hypothesis,
  reference,
  entities = namesOf(reference),
}: {
  hypothesis: string;
  reference: string;
  /** The entities to look for; those that the reference does not name are passed over. @default {@link namesOf} the reference */
  entities?: readonly string[];
}): RecallScore {
  const present = [...new Set(entities)].filter((entity) => names(reference, entity));
  return score(
    present.length,
    present.filter((entity) => !names(hypothesis, entity)),
  );
}

/** Names by rule: runs of capitalised words that do not merely begin a sentence. */
export function namesOf(text: string): string[] {
  const found = new Set<string>();
  for (const match of text.matchAll(/\p{Lu}[\p{L}\p{N}'’-]*(?: \p{Lu}[\p{L}\p{N}'’-]*)*/gu)) {
    const before = text.slice(0, match.index).trimEnd();
    const begins = before === '' || /[.!?:\n"“]$/.test(before);
    const words = match[0].split(' ').map((word) => word.replace(/['’]s$/, ''));
    // The first word of a sentence is a name only if the text has it capitalised within a sentence too.
    const kept = begins && !within(text, words[0] as string) ? words.slice(1) : words;
    if (kept.length > 0) found.add(kept.join(' '));
  }
  return [...found];
}

function within(text: string, word: string): boolean {
  return new RegExp(`[\\p{L}\\p{N},;)] ${escapePattern(word)}(?![\\p{L}\\p{N}])`, 'u').test(text);
}

function names(text: string, entity: string): boolean {
  return new RegExp(`(?<![\\p{L}\\p{N}])${escapePattern(entity)}s?(?![\\p{L}\\p{N}])`, 'iu').test(text);
}

function score(total: number, missing: string[]): RecallScore {
  const found = total - missing.length;
  return { found, total, recall: total === 0 ? null : found / total, missing };
}

/** A text as a part of a pattern that matches it letter for letter. */
export function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}
