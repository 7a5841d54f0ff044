import type { ReasoningExample } from '@subtext/data';
import { z } from 'zod';

import { randomAt } from '../batches/counter-random';
import { ReasonerError } from '../errors';
import { tagRole } from '../visibility/roles';
import { asWritten, checkCount, checkSteps } from './check-option';
import { latentTokens } from './latent-prompt';
import { LayoutBuilder, promptOf, stageName } from './layout-builder';
import { count } from './option-schemas';
import type { Layout, LayoutContext, ReasoningMethod } from './reasoning-method';

export const colarOptions = z.strictObject({
  /** Compression factors that are trained: how many tokens of the written chain a thought stands for. */
  factors: z
    .array(count)
    .min(1)
    .describe('how many tokens of the chain a thought stands for: a step of training draws one of these')
    .default([1, 2, 3, 4, 5]),
  /** The factor of answers. Default: the largest of those trained. */
  factor: count.optional().describe('the factor of answers, one of those trained'),
  /** The longest chain that thoughts can stand for, in tokens: an answer takes at most this many over its factor. */
  maximumTokens: count.describe('the longest chain that thoughts stand for, in tokens').default(64),
  /** How the latent head learns: by squared differences, or by the likelihood of what it predicts. */
  latentLoss: z.enum(['mse', 'nll']).describe('how the latent head learns its mean').default('mse'),
  /** Weight of the latent head's loss beside the cross-entropy. */
  latentWeight: z.number().min(0).describe("of the latent head's loss beside the cross-entropy").default(1),
});
export type ColarOptions = z.input<typeof colarOptions>;
const defaults = colarOptions.parse({});

/** The stage that thoughts are named by: they stand for the chain as a whole. */
const stage = 'thought';

/** The token that tells the model a compression factor. */
const factorToken = (factor: number) => `<|factor-${factor}|>`;

/**
 * CoLaR (arXiv 2505.16552): the written chain is cut into groups of r tokens, and a thought is the sum of its group's
 * embeddings over the root of their number. The factor r is drawn for each step of training and told to the model behind the
 * question. From the state before a thought a latent head predicts a normal distribution of it, and the language head a token
 * of its group, drawn by chance; behind the last thought, the mark that ends thinking. In training the thoughts are those of
 * the chain, so that all positions run in one pass; in answering a thought is the head's mean, or a draw, and thinking ends
 * where the language head finds the mark likeliest.
 */
export function colar({
  factors = defaults.factors,
  factor,
  maximumTokens = defaults.maximumTokens,
  latentLoss = defaults.latentLoss,
  latentWeight = defaults.latentWeight,
}: ColarOptions = {}): ReasoningMethod {
  const method = 'colar';
  checkFactors(factors);
  const answered = factor ?? Math.max(...factors);
  checkCount({ method, option: 'maximumTokens', value: maximumTokens });
  if (!(latentWeight >= 0))
    throw new ReasonerError({
      code: 'invalid-option',
      message: `The method "${method}" takes a number from 0 up as latentWeight, not ${asWritten(latentWeight)}.`,
    });
  if (!factors.includes(answered)) throw untrainedFactor({ factor: answered, factors });

  /** Question, factor, and the places of thoughts between their marks. */
  function thinking({
    example,
    context,
    thoughts,
    told,
  }: {
    example: Pick<ReasoningExample, 'question' | 'image'>;
    context: LayoutContext;
    thoughts: number;
    told: number;
  }): LayoutBuilder {
    const { tokenizer } = context;
    const role = tagRole(stage);
    const builder = new LayoutBuilder({ context })
      .prompt({ question: example.question, hasImage: example.image !== undefined })
      .marker({ id: tokenizer.idOf(factorToken(told)), role })
      .marker({ id: tokenizer.idOf(latentTokens.start), role });
    const id = tokenizer.idOf(latentTokens.latent);
    for (let index = 0; index < thoughts; index++)
      builder.thought({ stage, index, id, kind: 'continuous', predicted: false });
    return builder.marker({ id: tokenizer.idOf(latentTokens.end), role });
  }
  const mostThoughts = (told: number) => Math.ceil(maximumTokens / told);
  const asked = ({
    example,
    context,
  }: {
    example: Pick<ReasoningExample, 'question' | 'image'>;
    context: LayoutContext;
  }) => thinking({ example, context, thoughts: mostThoughts(answered), told: answered });

  /** An example whose chain is compressed. */
  function compressed({
    example,
    context,
    told,
    pick,
  }: {
    example: ReasoningExample;
    context: LayoutContext;
    told: number;
    /** Which of a group's tokens the language head predicts. */
    pick: (options: { group: readonly number[]; index: number }) => number;
  }): Layout {
    const chain = chainOf({ example, context });
    if (chain.length > maximumTokens)
      throw new ReasonerError({
        code: 'invalid-option',
        message: `The chain of the example ${example.id} takes ${chain.length} tokens in words, and thoughts of "${method}" stand for at most ${maximumTokens}. Raise maximumTokens, or leave the example out.`,
      });
    const groups = Array.from({ length: Math.ceil(chain.length / told) }, (_, index) =>
      chain.slice(index * told, (index + 1) * told),
    );
    const builder = thinking({ example, context, thoughts: groups.length, told }).answer(example.answer);
    const layout = builder.build();
    const labels = [...layout.labels];
    const first = layout.thoughts[0]!.position;
    for (const [index, group] of groups.entries()) labels[first + index] = pick({ group, index });
    const end = first + groups.length;
    labels[end] = layout.ids[end]!;
    const inputs = groups.map((ids, index) => ({
      position: first + index,
      ids,
      weights: ids.map(() => 1 / Math.sqrt(ids.length)),
    }));
    return { ...layout, labels, inputs, promptLength: end + 1 };
  }

  return {
    name: method,
    compression: { factors, factor: answered },
    latentHead: true,
    objectives: [
      { name: 'next-token' },
      { name: 'compressed-latents', options: { loss: latentLoss, weight: latentWeight } },
    ],
    specialTokens: () => [...Object.values(latentTokens), ...factors.map(factorToken)],
    lastStages: () => [stage],
    thoughtStages: () => [stage],
    // The thoughts stand for the chain as a whole.
    explanation({ example, context }) {
      if (example.steps.length === 0) return undefined;
      const { close } = context.format.step({ name: stage, index: 0 });
      return example.steps.map(({ text }) => text).join(close !== '' && close.trim() === '' ? close : ' ');
    },
    curriculum({ stages }) {
      checkSteps({ method, stages });
      return [{ name: 'compressed chain', index: 0, hiddenStages: stages, kind: 'encode', level: Infinity }];
    },

    layout({ example, context, counters }) {
      if (!counters) return compressed({ example, context, told: answered, pick: ({ group }) => group.at(-1)! });
      // One factor for the whole batch: the row is left out of the counters.
      const told = factors[Math.floor(randomAt(...counters.slice(0, 3)) * factors.length)]!;
      return compressed({
        example,
        context,
        told,
        pick: ({ group, index }) => group[Math.floor(randomAt(...counters, index) * group.length)]!,
      });
    },
    chanceLayouts: ({ example, context }) => [
      // The longest; what an answer that thinks as long as it may takes.
      compressed({ example, context, told: Math.min(...factors), pick: ({ group }) => group.at(-1)! }),
      asked({ example, context }).answer(example.answer).build(),
    ],

    ...promptOf(asked),
    promptThoughts: (options) => asked(options).build().thoughts,
    halting: ({ tokenizer }) => ({ stop: tokenizer.idOf(latentTokens.end) }),
  };
}

/** @throws ReasonerError `invalid-option` unless they are different whole numbers from 1, one at least */
function checkFactors(factors: readonly number[]): void {
  for (const factor of factors) checkCount({ method: 'colar', option: 'factors', value: factor });
  if (factors.length > 0 && new Set(factors).size === factors.length) return;
  throw new ReasonerError({
    code: 'invalid-option',
    message: `The method "colar" takes compression factors that differ, one at least, as factors, not ${asWritten(factors)}.`,
  });
}

/** The error of a compression factor that the model was not trained with. */
export function untrainedFactor({ factor, factors }: { factor: number; factors: readonly number[] }): ReasonerError {
  return new ReasonerError({
    code: 'untrained-factor',
    message: `The compression factor ${asWritten(factor)} was not trained. Take one of: ${factors.join(', ')}; or train with it in method.factors.`,
  });
}

/** The tokens of the chain as it is written. @throws ReasonerError `missing-stage` for an example without steps */
function chainOf({ example, context }: { example: ReasoningExample; context: LayoutContext }): number[] {
  const builder = new LayoutBuilder({ context });
  for (const [index, step] of example.steps.entries())
    builder.step({ stage: stageName({ step, index }), index, text: step.text });
  const { ids } = builder.build();
  if (ids.length > 0) return ids;
  throw new ReasonerError({
    code: 'missing-stage',
    message: `The example ${example.id} has no step, whose words thoughts of "colar" are to stand for. Leave it out.`,
  });
}
