import { meanAndDeviation } from '@subtext/core';

import type { EvaluationResults } from '../results/evaluation-results';
import type { EvaluationTask } from '../tasks/evaluation-task';

/** A metric over the seeds of one model's draws. */
export interface SeedSummary {
  task: string;
  metric: string;
  seeds: readonly number[];
  /** By seed. */
  values: number[];
  mean: number;
  deviation: number;
}

/** Each task's metrics over runs that differ in their seed alone. */
export function summarizeSeeds({
  runs,
  seeds,
  tasks,
}: {
  /** By seed. */
  runs: readonly EvaluationResults[];
  seeds: readonly number[];
  tasks: readonly EvaluationTask[];
}): SeedSummary[] {
  return tasks.flatMap(({ name: task, filter, metrics }) =>
    metrics.map(({ name: metric }) => {
      const values = runs.map(({ results }) => results[task]?.[`${metric},${filter ?? 'none'}`] as number);
      const { mean, deviation } = meanAndDeviation(values);
      return { task, metric, seeds, values, mean, deviation };
    }),
  );
}
