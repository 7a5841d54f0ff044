import { engineNames } from '@subtext/terminal';
import { compilePattern, PatternError } from '@subtext/core';
import { allMethodsConfiguration, methodConfiguration, visibilityConfiguration } from '@subtext/reasoner';
import { drawerDefaults } from '@subtext/decoder';
import { runDrawerDefaults, trainingDefaults } from '@subtext/trainer';
import { z } from 'zod';

import { optimizerKeys, savingKeys, validationSteps, ranksKeys } from './loop-keys';
import { reinforcementKeys } from './reinforcement-keys';

const positive = z.number().positive();
const count = z.number().int().positive();
const share = z.number().min(0).max(1);

/** A regular expression over parameters' names: refused where it stands, not when a model has been downloaded for it. */
const pattern = z.string().superRefine((source, context) => {
  try {
    compilePattern({ source, dialect: 'javascript' });
  } catch (error) {
    if (!PatternError.isInstance(error)) throw error;
    context.addIssue({
      code: 'custom',
      message: `${JSON.stringify(source.slice(0, 200))}: ${error.message} (${error.code})`,
    });
  }
});

const schedule = z
  .strictObject({
    steps: count.describe('optimizer steps of the phase').optional(),
    epochs: positive.describe('passes over the training examples, in place of steps').optional(),
    learningRate: positive.describe('highest learning rate of the phase').optional(),
    batchSize: count.describe('examples a step').optional(),
    warmupSteps: z.number().int().min(0).describe('steps of linear rise').optional(),
  })
  .refine(({ steps, epochs }) => steps === undefined || epochs === undefined, 'give steps or epochs, not both');

const lora = z.strictObject({
  rank: count.default(16),
  alpha: positive.default(32),
  dropout: share.default(0),
  targets: z
    .union([z.literal('all-linear'), z.array(z.string()).min(1)])
    .describe(
      "which linear layers, by the ends of their names; by default the projections of a Llama's block, or all where the model has none of these",
    )
    .optional(),
  tokens: z
    .enum(['rows', 'modules', 'none'])
    .describe(
      'how the tokens that the method adds learn: "rows" trains their rows of embedding and output layer, "modules" both tables in full, "none" leaves them as they are drawn',
    )
    .default('rows'),
});

const model = z
  .strictObject({
    from: z.string().describe('the folder of a reasoner that an earlier run left').optional(),
    new: z
      .record(z.string(), z.unknown())
      .describe('config.json of a new model with random weights; vocabulary, image token and special ids are filled in')
      .optional(),
    initialisation: z
      .array(z.strictObject({ pattern, deviation: positive }))
      .describe(
        'of a new model: parameters, by regular expressions over their names, drawn with another standard deviation',
      )
      .default([]),
    processor: z.record(z.string(), z.unknown()).describe('preprocessor_config.json of a new vision model').optional(),
    vocabulary: z
      .array(z.string())
      .describe('further sets, in the format of the data, whose words the tokenizer of a new model knows')
      .default([]),
    imagePosition: z
      .enum(['before', 'after'])
      .describe('where a new model sees the picture: before the question or after it')
      .default('before'),
    lora: lora.optional(),
    dtype: z
      .enum(['float32', 'bf16', 'int8', 'int4'])
      .describe('how the weights beneath an adapter are stored: fewer bits take less memory, on the engine native')
      .default('float32'),
    frozen: z.array(pattern).describe('regular expressions: parameters that stay as they are').default([]),
  })
  .refine(({ from, new: fresh }) => (from === undefined) !== (fresh === undefined), 'give either "from" or "new"');

const interpreterModel = z
  .strictObject({
    from: z
      .string()
      .describe('a model folder, or "reasoner" for a copy of the language part of the reasoner')
      .optional(),
    new: z.record(z.string(), z.unknown()).describe('config.json of a new model').optional(),
    lora: lora.optional(),
  })
  .refine(({ from, new: fresh }) => (from === undefined) !== (fresh === undefined), 'give either "from" or "new"');

const interpreters = z
  .strictObject({
    mode: z.enum(['joint', 'after']).default('joint'),
    shared: z.boolean().describe('one interpreter for all stages instead of one each').default(true),
    model: interpreterModel,
    weight: z.number().min(0).describe('of the interpreters in the joint loss').default(1),
    share: z.number().gt(0).max(1).describe('share of the batch whose thoughts are explained in a step').default(1),
    templates: z.enum(['brief', 'explanatory']).default('brief'),
    projector: z.enum(['linear', 'mlp']).default('linear'),
    projectorDeviation: positive
      .describe('standard deviation of what the projector gives at first; like that of the embeddings')
      .default(0.02),
    reading: z
      .enum(['before', 'at'])
      .describe('where a thought is read: at the token, or the state before it that predicts it')
      .default('before'),
    withQuestion: z.boolean().default(true),
    parts: z.boolean().describe('each thought of a stage tells its own part of the text').default(false),
    learningRateScale: positive.default(1),
    keep: z
      .boolean()
      .describe('false throws them away after training: thoughts are supervised, not read')
      .default(true),
    blind: z
      .boolean()
      .describe('trains each once more, as long, on the thoughts of other examples: what audits take for a guess')
      .optional(),
    schedule: schedule.describe('of the interpreters trained after the reasoner').optional(),
  })
  .superRefine(({ mode, schedule: own, keep, blind }, context) => {
    const fault = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
    if (mode === 'joint' && own !== undefined)
      fault(
        'schedule',
        'is that of interpreters trained after the reasoner; with mode "joint" they learn in the phases of the reasoner (training). Leave it out, or give mode: after',
      );
    if (blind === true && !keep)
      fault(
        'blind',
        'trains what the kept interpreters are held against, and keep: false throws those away. Leave one out',
      );
    if (mode === 'after' && !keep)
      fault(
        'keep',
        'false would throw away what mode "after" trains: the reasoner has been trained by then. Leave "interpreters" out, or give mode: joint',
      );
  });

const drawer = z.strictObject({
  stage: z.string().min(1).describe('the stage whose thoughts it draws'),
  examples: count
    .describe('how many of the training examples it learns from, from the first')
    .default(runDrawerDefaults.examples),
  height: count.max(512).describe('of what it draws, in pixels').optional(),
  width: count.max(512).optional(),
  hiddenWidth: count.max(2 ** 14).default(drawerDefaults.hiddenWidth),
  steps: count.default(drawerDefaults.steps),
  batchSize: count.default(drawerDefaults.batchSize),
  learningRate: positive.default(drawerDefaults.learningRate),
});

/** Logs beside `log.jsonl`. */
export const logs = z.strictObject({
  tensorboard: z.boolean().describe('writes a TensorBoard event file into the folder of the run').default(false),
  wandb: z
    .union([
      z.literal(false),
      z.strictObject({
        project: z.string().optional(),
        entity: z.string().optional(),
        name: z.string().optional(),
        python: z.string().describe('the Python that has the package wandb').default('python3'),
      }),
    ])
    .default(false),
  modules: z
    .array(
      z.union([
        z.string(),
        z.strictObject({ path: z.string(), options: z.record(z.string(), z.unknown()).default({}) }),
      ]),
    )
    .describe('JavaScript modules that export createLogger')
    .default([]),
});

/** Everything that `subtext train` can be told. Documented key by key in docs/configuration.md. */
export const trainConfiguration = z.strictObject({
  seed: z.number().int().min(0).default(1),
  engine: z.enum(engineNames).default('auto'),
  workers: z.number().int().min(0).describe('threads; 0 computes in the main thread').optional(),
  ranks: ranksKeys.optional(),
  output: z.string().describe('folder of the run'),
  logs: logs.prefault({}),
  data: z.strictObject({
    format: z.string().default('llava-cot'),
    train: z.string().describe('file or folder of training examples'),
    validation: z.string().describe('file of held-out examples, whose loss is taken while training').optional(),
    evaluation: z
      .union([z.string(), z.array(z.string())])
      .describe('files of examples that the model will be tested on: none of them may be trained on')
      .optional(),
    overlap: z
      .enum(['refuse', 'report'])
      .describe('what happens where a held-out set shares examples with the training set')
      .default('refuse'),
    limit: count.describe('take only the first examples').optional(),
    faults: z
      .union([z.literal('strict'), share])
      .describe('"strict", or the share of faulty records that may be skipped')
      .default('strict'),
    categories: z.array(z.string()).describe('take only these kinds of question').optional(),
    images: z.boolean().describe('false leaves the pictures out: the text-only baseline').default(true),
  }),
  stages: z
    .union([z.literal('auto'), z.array(z.string()).min(1)])
    .describe('names of the steps of the chain; "auto" takes those of the data')
    .default('auto'),
  reasoningFormat: z.enum(['tagged', 'lines']).default('tagged'),
  model,
  method: methodConfiguration,
  visibility: visibilityConfiguration
    .describe(
      'which positions attend to which, while training and in answering alike: "all" as published, "answer" or "chain", or a table of roles and what each sees',
    )
    .optional(),
  training: z
    .strictObject({
      batchSize: count.default(trainingDefaults.batchSize),
      recompute: z
        .boolean()
        .describe(
          'gradient checkpointing: only the inputs of blocks are kept, which are computed again in the backward pass; a third more to compute, for the memory of one block in place of all',
        )
        .default(trainingDefaults.recompute),
      learningRate: positive.default(trainingDefaults.learningRate),
      warmupSteps: z.number().int().min(0).default(trainingDefaults.warmupSteps),
      ...optimizerKeys,
      text: schedule.describe('the phase in which everything is text').prefault({}),
      encode: schedule.describe('each phase that hides a stage').prefault({}),
      recover: schedule.describe('the recovering phase').prefault({}),
      phases: z
        .record(z.string(), schedule)
        .describe('single phases by name, for example "hide caption"; what they leave out is that of their kind')
        .default({}),
      ...savingKeys,
      validation: z
        .strictObject({
          examples: count.describe('examples of data.validation that are taken, from its start').default(64),
          steps: validationSteps,
        })
        .prefault({}),
    })
    .prefault({}),
  reinforcement: reinforcementKeys
    .describe("trains by rewards for the model's own answers, in place of the phases of the method")
    .optional(),
  interpreters: interpreters.optional(),
  drawer: drawer
    .describe('a decoder that draws the thoughts of a stage as pictures, trained after the reasoner')
    .optional(),
});

/** {@link trainConfiguration} with the methods that have been registered until now. */
export function trainConfigurationNow(): typeof trainConfiguration {
  return trainConfiguration.extend({ method: allMethodsConfiguration() });
}

/** A configuration as it is written, with its defaults. */
export type GivenConfiguration = z.output<typeof trainConfiguration>;
/** A configuration that is carried out: its stages have names. */
export type TrainConfiguration = Omit<GivenConfiguration, 'stages'> & { stages: string[] };
