import { DataError } from '../errors';

/** Labels with their weights as text, `red=2, green=1`: a distribution, whose weights need not sum to 1. */
export function formatWeightedLabels(weights: ReadonlyMap<string, number>): string {
  return [...weights].map(([label, weight]) => `${label}=${weight}`).join(', ');
}

/**
 * The distribution that a text tells as {@link formatWeightedLabels} writes it: by label its probability, in the order of the
 * text.
 *
 * @throws DataError `text-malformed` where a part has no label or no weight of 0 or more, a label stands twice, or all weights
 *   are 0
 */
export function parseWeightedLabels(text: string): Map<string, number> {
  const malformed = (problem: string) =>
    new DataError({
      code: 'text-malformed',
      message: `${JSON.stringify(text)} is no distribution: ${problem}. Write each label with its weight, as in "red=2, green=1".`,
    });
  const weights = new Map<string, number>();
  for (const part of text.split(',')) {
    const at = part.lastIndexOf('=');
    const label = part.slice(0, Math.max(0, at)).trim();
    const written = part.slice(at + 1).trim();
    const weight = written === '' ? Number.NaN : Number(written);
    if (label === '') throw malformed(`${JSON.stringify(part.trim())} has no label`);
    if (!(weight >= 0 && weight < Infinity)) throw malformed(`the weight of ${label} is not a number of 0 or more`);
    if (weights.has(label)) throw malformed(`${label} stands twice`);
    weights.set(label, weight);
  }
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  if (!(total > 0 && total < Infinity)) throw malformed('its weights have no sum above 0');
  return new Map([...weights].map(([label, weight]) => [label, weight / total]));
}
