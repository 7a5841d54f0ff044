import type { StoredDtype } from '@subtext/tensor';

/** Numbers in files: codes agreed with `StoredType` in `native/read-weights.h`, and bytes of each. */
export const storedTypes: Record<StoredDtype, { code: number; bytes: number }> = {
  F32: { code: 0, bytes: 4 },
  BF16: { code: 1, bytes: 2 },
  F16: { code: 2, bytes: 2 },
};
