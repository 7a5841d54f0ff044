/**
 * Makes tokens less likely that were written already, in place: their logits are divided by `penalty` where they are above
 * 0, else multiplied (CTRL, arXiv 1909.05858).
 */
export function penaliseRepetition({
  logits,
  ids,
  penalty,
}: {
  /** `[vocabulary]` */ logits: Float32Array;
  /** Each counts once. */ ids: Iterable<number>;
  penalty: number;
}): void {
  for (const id of new Set(ids)) {
    const value = logits[id];
    // The model may read tokens that it cannot write.
    if (value !== undefined) logits[id] = value > 0 ? value / penalty : value * penalty;
  }
}
