import {
  createMethod,
  type GraphExample,
  type GraphModelOptions,
  type GraphOptions,
  graphOptions,
  graphReasoner,
  type GraphSupervision,
  GraphVocabulary,
  methodVisibility,
  type VisibilityName,
  type VisibilityTable,
} from '@subtext/reasoner';
import { join } from 'node:path';

import { TrainerError } from '../errors';
import { identifyGraphRun } from '../identity/identify-run';
import { createProgram, programSource } from '../loop/training-engine';
import { methodObjectives } from '../objectives/method-objectives';
import { graphPhases, type GraphPhasesOptions } from '../phases/graph-phases';
import { asRank } from './as-rank';
import { carryOut, type Trainable } from './carry-out';
import type { RunSettings, TrainRunResult } from './run-options';
import { type LoopOptions, trainingDefaults } from './training-options';

/** How a run over graphs is trained. */
export interface GraphTrainingOptions extends LoopOptions {
  /** Graphs a step. @default 16 */
  graphs?: number;
  /** Questions a graph. @default 16 */
  queries?: number;
  /** What the states of earlier stages count in the loss. @default 0.3 */
  earlierStages?: number;
  /** @default 2e-3 */
  learningRate?: number;
  /** @default 50 */
  warmupSteps?: number;
  /** Of each phase that teaches a hop: most steps, and the mastery at which the next one begins. @default 1500 steps, 0.85 */
  hop?: { steps?: number; mastery?: number };
  /** Of the phase that teaches the answer. @default 6000 steps */
  answer?: { steps?: number };
  /** Whether phases keep the optimizer's moments. @default true */
  keepOptimizer?: boolean;
}

/** What {@link GraphTrainingOptions} are where they are not given, beside `trainingDefaults`. */
export const graphTrainingDefaults = {
  graphs: 16,
  queries: 16,
  earlierStages: 0.3,
  learningRate: 2e-3,
  warmupSteps: 50,
  hopSteps: 1500,
  mastery: 0.85,
  answerSteps: 6000,
  keepOptimizer: true,
} as const;

/** A run over graphs, from scratch. */
export interface TrainGraphsOptions extends RunSettings {
  examples: readonly GraphExample[];
  /** Graphs whose loss is taken while training. @default none */
  heldOut?: readonly GraphExample[];
  method?: GraphOptions;
  model?: Omit<GraphModelOptions, 'form' | 'seed'>;
  /** Which positions attend to which, while training and in answering alike. @default 'all' */
  visibility?: VisibilityName | VisibilityTable;
  /** What the state after s thoughts must predict. @default 'walks' */
  supervision?: GraphSupervision;
  training?: GraphTrainingOptions;
}

/**
 * Trains a reasoner on graphs, in the loop and with everything around it that runs over examples have.
 *
 * @throws TrainerError as `trainRun`
 */
export async function trainGraphs(options: TrainGraphsOptions): Promise<TrainRunResult> {
  return asRank({ options, run: trainAsRank });
}

async function trainAsRank(options: TrainGraphsOptions): Promise<TrainRunResult> {
  const { method: given = {}, model: asked = {}, visibility, supervision, training = {}, seed } = options;
  return carryOut({
    settings: {
      record: { seed, method: { name: 'graph', ...given }, model: asked, visibility, supervision, training },
      ...options,
    },
    identity: options.identity ?? identifyGraphRun(options),
    training,
    interpreters: [],
    open: async () => {
      const method = graphOptions.parse(given);
      const model: GraphModelOptions = { form: method.form, seed: options.seed ?? 1, ...options.model };
      checkModel({ model, examples: [...options.examples, ...(options.heldOut ?? [])], thoughts: method.count });
      return () => buildGraphRun({ options, method, model });
    },
  });
}

async function buildGraphRun({
  options: { folder, examples, heldOut, seed = 1, visibility: asked = 'all', supervision = 'walks', training = {} },
  method,
  model,
}: {
  options: TrainGraphsOptions;
  method: Required<GraphOptions>;
  model: GraphModelOptions;
}): Promise<Trainable> {
  const specification = { name: 'graph' as const, ...method };
  const reasoning = createMethod(specification);
  const objectives = methodObjectives({ method: reasoning });
  const visibility = methodVisibility({ method: reasoning, visibility: asked, stages: [], image: false });
  const made = { ...model, countsUnwritten: reasoning.mixesEmbeddings === true };
  const source = programSource({ model: { kind: 'graph', ...made }, objectives });
  const program = await createProgram(source);
  const schedule = {
    learningRate: training.learningRate ?? graphTrainingDefaults.learningRate,
    warmupSteps: training.warmupSteps ?? graphTrainingDefaults.warmupSteps,
  };
  const graphs = training.graphs ?? graphTrainingDefaults.graphs;
  const parts: GraphPhasesOptions = {
    examples,
    heldOut,
    drawing: {
      vocabulary: new GraphVocabulary({ form: method.form }),
      method,
      supervision,
      visibility,
      queries: training.queries ?? graphTrainingDefaults.queries,
      earlierStages: training.earlierStages ?? graphTrainingDefaults.earlierStages,
    },
    graphs,
    hop: {
      steps: training.hop?.steps ?? graphTrainingDefaults.hopSteps,
      mastery: training.hop?.mastery ?? graphTrainingDefaults.mastery,
      schedule: { ...schedule, shape: 'constant' },
    },
    answer: {
      steps: training.answer?.steps ?? graphTrainingDefaults.answerSteps,
      schedule: { ...schedule, shape: 'cosine' },
    },
    keepsOptimizer: training.keepOptimizer ?? graphTrainingDefaults.keepOptimizer,
    seed,
    shards: training.shards ?? trainingDefaults.shards,
  };
  const phases = graphPhases(parts);
  return {
    source,
    program,
    phases,
    method: specification,
    subject: () => ({
      method: specification,
      pictures: false,
      feedsBack: true,
      visibility: visibility !== undefined,
      settings: { 'Learning rate': schedule.learningRate, Seed: seed },
    }),
    rows: phases.map(() => graphs),
    longestRow: async () =>
      (
        await graphPhases({ ...parts, heldOut: [], graphs: 1, shards: 1 })
          .at(-1)!
          .source.batch(0)
      )[0],
    besides: { parameters: program.parameters.reduce((sum, { variable }) => sum + variable.size, 0), other: 0 },

    async save({ outcome }) {
      const reasoner = await graphReasoner({ program, options: model, method, visibility });
      const saved = join(folder, 'reasoner');
      await reasoner.save({ folder: saved });
      reasoner.dispose();
      return {
        status: 'finished',
        models: [{ kind: 'reasoner', folder: saved, steps: outcome.steps, examples: examples.length }],
      };
    },
  };
}

/** Refuses a model that cannot be made, or has no room for the graphs. */
function checkModel({
  model: { form, width = 128, heads = 4, positions = 256 },
  examples,
  thoughts,
}: {
  model: GraphModelOptions;
  examples: readonly GraphExample[];
  thoughts: number;
}): void {
  if (width % heads !== 0)
    throw new TrainerError({
      code: 'invalid-option',
      message: `model.width ${width} is not a multiple of model.heads ${heads}.`,
    });
  const edges = examples.reduce((most, graph) => Math.max(most, graph.edges.length), 0);
  const longest = edges * (form === 'edges' ? 1 : 3) + 6 + 2 * thoughts + 8;
  if (longest > positions)
    throw new TrainerError({
      code: 'invalid-option',
      message: `model.positions is ${positions}; with these graphs and ${thoughts} thoughts the model needs ${longest}.`,
    });
}
