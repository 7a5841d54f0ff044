import { reinforcementDefaults as defaults } from '@subtext/trainer';
import { z } from 'zod';

const positive = z.number().positive();
const count = z.number().int().positive();

const thoughts = z.union([
  z.literal('state'),
  z.strictObject({ tokens: count.max(64).describe("a thought is the mean of so many sampled tokens' embeddings") }),
  z.strictObject({ deviation: positive.describe('of the noise on each number of a thought') }),
]);

/** What a configuration can say of training by rewards. */
export const reinforcementKeys = z.strictObject({
  steps: count.describe('optimizer steps'),
  rewards: z
    .array(
      z.strictObject({
        name: z.string().describe('exact-match, format, length, or one that is included (registerReward)'),
        weight: z.number().default(1),
        options: z.record(z.string(), z.unknown()).describe('of the reward').default({}),
      }),
    )
    .min(1),
  questions: count.describe('questions whose answers are sampled at a time').default(defaults.questions),
  group: count.min(2).describe('answers to each question').default(defaults.group),
  temperature: positive.describe('at which answers are sampled').default(defaults.temperature),
  maxNewTokens: count.describe('the most tokens of an answer').optional(),
  thoughts: thoughts.describe('how thoughts are drawn').optional(),
  scale: z
    .enum(['deviation', 'none'])
    .describe("what the advantages of a group are divided by: its rewards' deviation, or nothing")
    .default(defaults.scale),
  per: z.enum(['answer', 'token']).describe('what counts the same: each answer, or each token').default(defaults.per),
  clip: positive.describe('how far the ratio of new to old probability counts, below 1').default(defaults.clip),
  clipHigh: positive.describe('the same above 1; by default as far').optional(),
  kl: z.number().min(0).describe('weight of the distance to the model that the run starts from').default(defaults.kl),
  updates: count.describe('updates from the same answers').default(defaults.updates),
  unfinished: z
    .enum(['rewarded', 'masked'])
    .describe('whether answers that did not end are rewarded as they are, or left out')
    .default(defaults.unfinished),
  firstFromBest: z
    .boolean()
    .describe('learns the first action of a group from its best answer alone')
    .default(defaults.firstFromBest),
  learningRate: positive.describe('the highest; by default that of training').optional(),
});
