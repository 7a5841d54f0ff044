import { engineNames } from '@subtext/terminal';
import { graphOptions, visibilityConfiguration } from '@subtext/reasoner';
import { graphTrainingDefaults } from '@subtext/trainer';
import { z } from 'zod';

import { optimizerKeys, savingKeys, validationSteps, ranksKeys } from './loop-keys';
import { logs } from './schema';

const positive = z.number().positive();
const count = z.number().int().positive();

/** The first word of a configuration that trains on graphs. */
export const GRAPH_KIND = 'graphs';

/** Everything that `subtext train` can be told about training on graphs from scratch. Documented key by key in docs/guide/graphs.md. */
export const graphConfiguration = z.strictObject({
  kind: z.literal(GRAPH_KIND),
  seed: z.number().int().min(0).default(1),
  engine: z.enum(engineNames).default('auto'),
  workers: z.number().int().min(0).describe('threads; 0 computes in the main thread').optional(),
  ranks: ranksKeys.optional(),
  output: z.string().describe('folder of the run'),
  logs: logs.prefault({}),
  data: z
    .strictObject({
      train: z.string().describe("a file of graphs in ProsQA's format; without one, graphs are generated").optional(),
      count: count.describe('graphs to generate').default(20_000),
      seed: z.number().int().min(0).describe('of the generated graphs').default(42),
      minimumHops: count.describe('hops from the root to the target in generated graphs, at least').default(3),
      maximumHops: count.describe('and at most').default(4),
      heldOut: z
        .array(z.string())
        .describe('files of graphs that must not be trained on: what stands in them is left out')
        .default([]),
      validation: z
        .string()
        .describe('a file of graphs whose loss is taken while training; what stands in it is left out of training')
        .optional(),
    })
    .prefault({}),
  model: z
    .strictObject({
      layers: count.default(2),
      width: count.default(128),
      heads: count.default(4),
      deviation: positive.describe('standard deviation of new weights').default(0.05),
      positions: count.default(256),
    })
    .prefault({}),
  method: graphOptions.prefault({}),
  visibility: visibilityConfiguration
    .describe(
      'which positions attend to which, while training and in answering alike: "all", "answer" or "chain", or a table',
    )
    .optional(),
  supervision: z
    .enum(['walks', 'all', 'frontier', 'random'])
    .describe('what the state after s thoughts must predict')
    .default('walks'),
  training: z
    .strictObject({
      graphs: count.describe('graphs a step').default(graphTrainingDefaults.graphs),
      queries: count.describe('questions a graph').default(graphTrainingDefaults.queries),
      earlierStages: z
        .number()
        .min(0)
        .max(1)
        .describe('what the states of earlier stages count in the loss')
        .default(graphTrainingDefaults.earlierStages),
      learningRate: positive.default(graphTrainingDefaults.learningRate),
      warmupSteps: z.number().int().min(0).default(graphTrainingDefaults.warmupSteps),
      ...optimizerKeys,
      hop: z
        .strictObject({
          steps: count.describe('most steps of each phase that teaches a hop').default(graphTrainingDefaults.hopSteps),
          mastery: z
            .number()
            .gt(0)
            .max(1)
            .describe('the next phase begins at this mastery')
            .default(graphTrainingDefaults.mastery),
        })
        .prefault({}),
      answer: z
        .strictObject({
          steps: count
            .describe('steps of the phase that teaches the answer')
            .default(graphTrainingDefaults.answerSteps),
        })
        .prefault({}),
      keepOptimizer: z
        .boolean()
        .describe("whether phases keep the optimizer's moments")
        .default(graphTrainingDefaults.keepOptimizer),
      ...savingKeys,
      validation: z
        .strictObject({
          graphs: count.describe('graphs of data.validation that are taken, from its start').default(64),
          steps: validationSteps,
        })
        .prefault({}),
    })
    .prefault({}),
});

export type GraphConfiguration = z.output<typeof graphConfiguration>;
