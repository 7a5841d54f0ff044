import { hashCounters } from '@subtext/reasoner';
import { tf, variableGradients } from '@subtext/tensor';

import type { TrainingProgram } from '../program/training-program';
import { MAXIMUM_METRICS, type SharedState } from './shared-state';

/** What a program reports beside the loss: the names, the same for every shard. */
export interface ReportNames {
  metrics: string[];
  means: string[];
}

/** What came of one shard. The caller disposes the tensors. */
export interface ShardGradients {
  loss: tf.Scalar;
  /** In the order of the variables; null where the loss does not depend on one. */
  gradients: (tf.Tensor | null)[];
  names: ReportNames;
  /** Values of the metrics, then sums of the means. */
  reported: tf.Scalar[];
  /** Counts of the means. */
  counts: number[];
}

/** The loss of one shard and its gradients. */
export function shardGradients({
  program,
  variables,
  shard,
  batch,
  measure,
  draw,
  onGradient,
}: {
  program: TrainingProgram;
  variables: readonly tf.Variable[];
  shard: number;
  batch: unknown;
  /** Whether the program measures its thoughts. @default false */
  measure?: boolean;
  /** Names the step's random draws; the shard is added. @default none are made */
  draw?: number;
  /** Told of each gradient as soon as it is whole: see `variableGradients`. @default nobody */
  onGradient?: (index: number, gradient: tf.Tensor | null) => void;
}): ShardGradients {
  const names: ReportNames = { metrics: [], means: [] };
  let reported: tf.Scalar[] = [];
  let counts: number[] = [];
  const compute = () => {
    const result = program.loss(batch, {
      measure,
      ...(draw !== undefined && { dropoutSeed: hashCounters(draw, shard) }),
    });
    const means = result.means ?? {};
    names.metrics = Object.keys(result.metrics).sort();
    names.means = Object.keys(means).sort();
    if (names.metrics.length + 2 * names.means.length > MAXIMUM_METRICS)
      throw new RangeError(`A program may report ${MAXIMUM_METRICS} metrics; a mean counts as two.`);
    reported = [
      ...names.metrics.map((name) => result.metrics[name]!),
      ...names.means.map((name) => means[name]!.sum),
    ].map((metric) => tf.keep(metric));
    counts = names.means.map((name) => means[name]!.count);
    return result.loss;
  };
  const { value, gradients } = variableGradients({ compute, variables, onGradient });
  return { loss: value, gradients, names, reported, counts };
}

/** Writes what a shard reports to its place among the losses. */
export function writeLosses({
  state,
  shard,
  loss,
  reported,
  counts,
}: {
  state: SharedState;
  shard: number;
  loss: number;
  reported: readonly number[];
  counts: readonly number[];
}): void {
  const losses = state.losses.subarray(shard * (1 + MAXIMUM_METRICS), (shard + 1) * (1 + MAXIMUM_METRICS)).fill(0);
  losses.set([loss, ...reported, ...counts]);
}

/** The batch's loss and metrics from what its shards wrote, in their order. */
export function readLosses({ state, names }: { state: SharedState; names: ReportNames }): {
  loss: number;
  metrics: Record<string, number>;
} {
  const total = (slot: number) =>
    Array.from({ length: state.shards }, (_, shard) => state.losses[shard * (1 + MAXIMUM_METRICS) + slot]!).reduce(
      (sum, one) => sum + one,
      0,
    );
  const metrics: Record<string, number> = Object.fromEntries(
    names.metrics.map((name, index) => [name, total(1 + index)]),
  );
  for (const [index, name] of names.means.entries()) {
    const count = total(1 + names.metrics.length + names.means.length + index);
    if (count > 0) metrics[name] = total(1 + names.metrics.length + index) / count;
  }
  return { loss: total(0), metrics };
}
