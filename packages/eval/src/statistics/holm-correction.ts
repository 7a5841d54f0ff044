/**
 * P-values adjusted for having made several comparisons (Holm, 1979): with m values sorted upwards,
 * the i-th (from 0) becomes the largest so far of `min(1, (m − i) · p)`. In the order given.
 */
export function holmCorrection(pValues: readonly number[]): number[] {
  const order = pValues
    .map((_, index) => index)
    .sort((one, other) => (pValues[one] as number) - (pValues[other] as number));
  const adjusted = new Array<number>(pValues.length);
  let largest = 0;
  for (const [rank, index] of order.entries()) {
    largest = Math.max(largest, Math.min(1, (pValues.length - rank) * (pValues[index] as number)));
    adjusted[index] = largest;
  }
  return adjusted;
}
