import type { Interval } from '@subtext/core';

import { EvaluationError } from '../errors';
import { bootstrap, meanAt, type BootstrapOptions } from '../statistics/bootstrap';

/** How much of what a written chain tells about the answer the hidden one still tells. */
export interface RetainedInformation {
  /** ρ; null where the written chain tells nothing more than no chain. */
  value: number | null;
  interval: Interval | null;
  /** Mean negative log-likelihood of the true answer, in nats. */
  withoutChain: number;
  hidden: number;
  written: number;
  /** Resamples in which the written chain told nothing more, so that they have no ρ. */
  undefinedResamples: number;
}

/**
 * The retained information `ρ = (NLL_without − NLL_hidden) / (NLL_without − NLL_written)` of the answer,
 * with its bootstrap interval over the examples. 1: the thoughts tell as much as the written chain; 0:
 * no more than no chain. It may lie outside both.
 *
 * @throws EvaluationError length-mismatch or empty-set where the lists do not pair.
 */
export function retainedInformation({
  withoutChain,
  hidden,
  written,
  ...options
}: BootstrapOptions & {
  /** By example: negative log-likelihood of the true answer, in nats. */
  withoutChain: readonly number[];
  hidden: readonly number[];
  written: readonly number[];
}): RetainedInformation {
  if (withoutChain.length !== hidden.length || hidden.length !== written.length) {
    throw new EvaluationError({
      code: 'length-mismatch',
      message: `Likelihoods of ${withoutChain.length}, ${hidden.length} and ${written.length} examples do not pair; give the same examples in one order.`,
    });
  }
  const ratio = (indices: Int32Array) => {
    const without = meanAt(withoutChain, indices);
    const room = without - meanAt(written, indices);
    // Below a thousandth of a nat there is nothing to retain.
    return room > 1e-3 ? (without - meanAt(hidden, indices)) / room : Number.NaN;
  };
  const result = bootstrap({ count: hidden.length, statistic: ratio, ...options });
  const all = Int32Array.from(hidden, (_, index) => index);
  const defined = Number.isFinite(result.value);
  return {
    value: defined ? result.value : null,
    interval: defined && result.interval.every(Number.isFinite) ? result.interval : null,
    withoutChain: meanAt(withoutChain, all),
    hidden: meanAt(hidden, all),
    written: meanAt(written, all),
    undefinedResamples: result.undefinedResamples,
  };
}
