import type { WeightDtype } from '@subtext/tensor';

/** Codes of `WeightType` in `native/weight.h`. */
export const weightTypes: Record<WeightDtype, number> = { float32: 0, bf16: 1, f16: 2, int8: 3, int4: 4 };

/** Operations that read their weights as they are stored: those with inputs that `Operation::readsWeight` names. */
export const readsStoredWeights: ReadonlySet<string> = new Set([
  'SubtextLinear',
  'SubtextLinearWithDerivative',
  'SubtextEmbedding',
  'SubtextDecoderBlock',
  'SubtextTransformerBlock',
  'SubtextTransformerBlockGradient',
]);
