/**
 * Applies a repetition penalty in place: logits of tokens already present are divided by `penalty` if positive,
 * otherwise multiplied (CTRL, arXiv 1909.05858).
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
    // The model may have input tokens that it cannot generate.
    if (value !== undefined) logits[id] = value > 0 ? value / penalty : value * penalty;
  }
}
