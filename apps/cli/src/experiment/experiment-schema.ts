import { answerScores } from '@subtext/eval';
import { join } from 'node:path';
import { z } from 'zod';

const count = z.number().int().positive();
const cells = z.array(z.string()).min(1);
const settings = z.record(z.string(), z.unknown());

/** Everything that `subtext experiment` can be told. Documented key by key in docs/guide/experiments.md. */
export const experimentConfiguration = z.strictObject({
  output: z.string().describe('folder of the experiment: a folder for each run, experiment.json, experiment.md'),
  data: z
    .strictObject({
      generate: z.string().describe('a generator of `subtext data formats`'),
      folder: z.string().describe("where; the experiment's folder /data unless it is named").optional(),
      train: count.optional(),
      validation: count.optional(),
      test: count.optional(),
      seed: z.number().int().min(0).default(42),
      options: z.record(z.string(), z.unknown()).describe('settings of the generator').default({}),
    })
    .describe('data that is generated first; ${data} in a text is its folder')
    .optional(),
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
      score: z.enum(answerScores).describe('how to score answers to your own data').optional(),
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
  choose: z
    .strictObject({ data: z.string().describe('questions kept for choosing'), limit: count.optional() })
    .describe('of each kind of run the seed that does best on other questions is told, with its score on those asked')
    .optional(),
  audit: z
    .strictObject({
      of: cells.describe('whose thoughts are audited: names of the table'),
      limit: count.describe('use only the first questions').optional(),
      floor: z.number().min(0).lt(1).describe('accuracy that needs no thought').optional(),
    })
    .optional(),
  fewerThoughts: cells.describe('whose models are asked with 1, 2, … thoughts in every question').optional(),
  drawn: z
    .strictObject({
      of: cells.describe('whose models (of continuous thoughts) are asked again with thoughts drawn by chance'),
      thoughts: z
        .string()
        .describe("how: tokens=3, the mean of three sampled tokens' embeddings; deviation=0.1, noise"),
      seeds: z.array(z.number().int().min(0)).min(1).describe('sampling seed').default([1, 2, 3]),
    })
    .optional(),
  recurrences: z
    .strictObject({
      of: cells.describe('whose models are asked again: names of the table'),
      counts: z.array(count).min(1).describe('with how many recurrences in every question'),
    })
    .optional(),
  factors: z
    .strictObject({
      of: cells.describe('whose models (of the method colar) are asked again: names of the table'),
      factors: z.array(count).min(1).describe('with which compression factors, of those trained'),
    })
    .optional(),
  nodes: cells.describe("of whose thoughts it is measured what they hold of a graph's nodes").optional(),
  failing: cells.describe('of which it is told what is different about the graphs that fail').optional(),
  seconds: z
    .strictObject({
      alone: count.describe('questions of a round asked one by one').default(24),
      batched: count.describe('questions of a round asked in batches').default(192),
    })
    .describe('takes the time of an answer, of the first seeds')
    .optional(),
  page: z
    .strictObject({
      title: z.string(),
      text: z.array(z.string()).describe('paragraphs above the tables').default([]),
      path: z.string().describe('a copy of the page and the numbers: path.md, path.html, path.json').optional(),
    })
    .optional(),
  compare: z
    .array(z.tuple([z.string(), z.string()]))
    .describe('pairs of what is varied that are tested against each other; every pair unless they are named')
    .optional(),
});

export type ExperimentConfiguration = z.output<typeof experimentConfiguration>;

/** The folder of the data that an experiment generates. */
export function dataFolder({ data, output }: Pick<ExperimentConfiguration, 'data' | 'output'>): string {
  return data?.folder ?? join(output, 'data');
}

/** `${name}` in every text stands for a place: a run starts from another's model by `${runs}` and `${seed}`. */
export function filled<Value>({ value, places }: { value: Value; places: Readonly<Record<string, string>> }): Value {
  if (typeof value === 'string')
    return value.replace(/\$\{(\w+)\}/g, (written, name: string) =>
      Object.hasOwn(places, name) ? places[name]! : written,
    ) as Value;
  if (Array.isArray(value)) return value.map((item: unknown) => filled({ value: item, places })) as Value;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]: [string, unknown]) => [key, filled({ value: item, places })]),
  ) as Value;
}
