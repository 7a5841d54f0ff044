import { answerScores } from '@subtext/eval';
import { z } from 'zod';

const count = z.number().int().positive();
const settings = z.record(z.string(), z.unknown());

/** Everything that `subtext experiment` can be told. Documented key by key in docs/guide/experiments.md. */
export const experimentConfiguration = z.strictObject({
  output: z.string().describe('folder of the experiment: a folder for each run, experiment.json, experiment.md'),
  base: z
    .union([z.string(), z.array(z.string()).min(1)])
    .describe('the configuration that all runs build on, or a list of them, seen from the folder of this file')
    .optional(),
  settings: settings.describe('over the base, in every run').default({}),
  axes: z
    .record(z.string(), z.union([z.array(z.unknown()).min(1), z.record(z.string(), settings)]))
    .describe('what is varied: values of a key, or named sets of settings')
    .default({}),
  seeds: z.array(z.number().int().min(0)).min(1).default([1, 2, 3]),
  evaluation: z
    .strictObject({
      task: z.string().describe('a task of `subtext eval list`').optional(),
      format: z.string().describe("the format of one's own data, in place of a task").optional(),
      score: z.enum(answerScores).describe("how answers to one's own data are scored").optional(),
      data: z.string().describe('the questions'),
      limit: count.describe('only the first ones').optional(),
      batch: count.describe('questions answered side by side').default(64),
      metric: z.string().describe("the score that is compared; the task's first unless it is named").optional(),
    })
    .refine(
      ({ task, format, score }) =>
        task === undefined ? format !== undefined && score !== undefined : format === undefined && score === undefined,
      'give either "task", or "format" and "score"',
    ),
  compare: z
    .array(z.tuple([z.string(), z.string()]))
    .describe('pairs of what is varied that are tested against each other; every pair unless they are named')
    .optional(),
});

export type ExperimentConfiguration = z.output<typeof experimentConfiguration>;
