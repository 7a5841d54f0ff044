/** The shape of the model that is measured. */
export interface BenchShape {
  width: number;
  layers: number;
  /** @default width / 64, as in GPT-2 */
  heads?: number;
  vocabulary: number;
  /** Positions that the model has room for. */
  positions: number;
}

/** config.json of a GPT-2 of this shape: learned positions, layer norm, GELU, tied embeddings, no dropout. */
export function gpt2Config({
  width,
  layers,
  heads = Math.max(1, Math.floor(width / 64)),
  vocabulary,
  positions,
}: BenchShape): Record<string, unknown> {
  return {
    model_type: 'gpt2',
    n_embd: width,
    n_layer: layers,
    n_head: heads,
    vocab_size: vocabulary,
    n_positions: positions,
    n_ctx: positions,
    activation_function: 'gelu_new',
    layer_norm_epsilon: 1e-5,
    resid_pdrop: 0,
    embd_pdrop: 0,
    attn_pdrop: 0,
    tie_word_embeddings: true,
    bos_token_id: 0,
    eos_token_id: 0,
  };
}

/** The middle of measurements. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Processor time of this process so far, all threads together. */
export function processorMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
