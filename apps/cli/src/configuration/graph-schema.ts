import { engineNames } from '@subtext/terminal';
import { graphOptions } from '@subtext/reasoner';
import { z } from 'zod';

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
  output: z.string().describe('folder of the run'),
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
  supervision: z
    .enum(['walks', 'all', 'frontier', 'random'])
    .describe('what the state after s thoughts must predict')
    .default('walks'),
  training: z
    .strictObject({
      graphs: count.describe('graphs a step').default(16),
      queries: count.describe('questions a graph').default(16),
      earlierStages: z
        .number()
        .min(0)
        .max(1)
        .describe('what the states of earlier stages count in the loss')
        .default(0.3),
      learningRate: positive.default(2e-3),
      warmupSteps: z.number().int().min(0).default(50),
      weightDecay: z.number().min(0).default(0.01),
      beta2: z.number().min(0).lt(1).default(0.999),
      clipNorm: positive.default(1),
      shards: count.default(2),
      hop: z
        .strictObject({
          steps: count.describe('most steps of each phase that teaches a hop').default(1500),
          mastery: z.number().gt(0).max(1).describe('the next phase begins at this mastery').default(0.85),
        })
        .prefault({}),
      answer: z
        .strictObject({ steps: count.describe('steps of the phase that teaches the answer').default(6000) })
        .prefault({}),
      keepOptimizer: z.boolean().describe("whether phases keep the optimizer's moments").default(true),
      checkpointSeconds: positive.default(30),
      keepCheckpoints: count.default(2),
    })
    .prefault({}),
});

export type GraphConfiguration = z.output<typeof graphConfiguration>;
