import { trainingDefaults } from '@subtext/trainer';
import { z } from 'zod';

const positive = z.number().positive();
const count = z.number().int().positive();

/** What every configuration can say of the optimizer. */
export const optimizerKeys = {
  weightDecay: z.number().min(0).default(trainingDefaults.weightDecay),
  beta2: z.number().min(0).lt(1).default(trainingDefaults.beta2),
  clipNorm: positive.default(trainingDefaults.clipNorm),
  shards: count
    .describe(
      'gradient accumulation: parts a batch is cut into, whose gradients are summed before a step; the result depends on it, not on the number of workers',
    )
    .default(trainingDefaults.shards),
};

/** What every configuration can say of checkpoints, the log and which weights are saved. */
export const savingKeys = {
  checkpointSeconds: positive.default(trainingDefaults.checkpointSeconds),
  checkpointSteps: count.describe('steps between checkpoints, in place of seconds').optional(),
  keepCheckpoints: count
    .describe('newest checkpoints kept, beside the best by validation loss')
    .default(trainingDefaults.keepCheckpoints),
  logSteps: count.describe('steps between lines of the log').default(trainingDefaults.logSteps),
  finalWeights: z
    .enum(['last', 'best'])
    .describe('which weights are saved: those of the last step, or of the lowest validation loss of the last phase')
    .default(trainingDefaults.finalWeights),
};

/** Steps of a phase between validations. */
export const validationSteps = count
  .describe('steps of a phase between validations, beside the one at its end')
  .default(trainingDefaults.validationSteps);

/** What every configuration can say of processes that `mpirun` or `srun` starts to train together. */
export const ranksKeys = z.strictObject({
  order: z
    .enum(['shards', 'any'])
    .describe(
      'how gradients of several ranks are summed: in the order of the shards, for the same bytes with any number of ranks; or each rank sums its own first, which sends less where it has several',
    )
    .default('shards'),
  optimizerState: z
    .enum(['whole', 'parts'])
    .describe("whether each rank keeps all of the optimizer's state, or its part (ZeRO stage 1)")
    .default('whole'),
  deadlineSeconds: z
    .number()
    .min(0)
    .describe('how long a rank waits for the others before the job ends with an error; 0: for ever')
    .default(600),
});
