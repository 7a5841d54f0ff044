import type { Activation } from './kernels';

/** Activation codes, as in `assembly/functions.ts` and `native/kernels.h`. */
export const activationCodes: Readonly<Record<Activation, number>> = {
  none: 0,
  gelu: 1,
  'gelu-tanh': 2,
  'quick-gelu': 3,
  silu: 4,
  relu: 5,
  tanh: 6,
};
