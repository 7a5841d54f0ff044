import type { ReasoningExample } from '@subtext/data';
import { z } from 'zod';

import { ReasonerError } from '../errors';
import { checkCount, checkSteps } from './check-option';
import { latentTokens } from './latent-prompt';
import { LayoutBuilder, promptOf, stageName } from './layout-builder';
import { count } from './option-schemas';
import type { LayoutContext, ReasoningMethod, SoftTargets } from './reasoning-method';
import { idsOf } from './text-ids';

export const cot2Options = z.strictObject({
  /** Thoughts before the answer: one for each of the first steps. */
  count: count.describe('thoughts before the answer, one for each of the first steps').default(6),
  /** Which words of a step are the states that a thought holds: every word, or the last alone, as the result of `3 +4 =7`. */
  states: z.enum(['every', 'last']).describe('which words of a step are states').default('every'),
  /** Thoughts beyond the last step of an example hold what that step's do. Otherwise such an example is refused. */
  repeatLast: z.boolean().describe('thoughts beyond the last step hold what it does').default(false),
  /** Weight of what thoughts are to hold beside the answer's cross-entropy. */
  softTargetWeight: z.number().min(0).describe("of the thoughts' targets beside the answer's cross-entropy").default(1),
});
export type Cot2Options = z.input<typeof cot2Options>;
const defaults = cot2Options.parse({});

/**
 * CoT2 with known soft targets (arXiv 2505.23648, CSFT): a thought is a mixture of token embeddings, which holds all states
 * that the traces of a search may stand in after a step, each by its share of the traces. A step of the data lists them, word
 * for word: `3 1 1 -1` is 3 with a quarter, 1 with half, −1 with a quarter; of a chain that has but one, it may be the last word
 * alone. In training a thought's input is the mixture
 * that it should be (teacher forcing, so that all positions run in one pass), and the state before it learns to predict
 * these shares; in answering it is the mixture of all embeddings by what that state predicts.
 */
export function cot2({
  count: thoughts = defaults.count,
  states = defaults.states,
  repeatLast = defaults.repeatLast,
  softTargetWeight: weight = defaults.softTargetWeight,
}: Cot2Options = {}): ReasoningMethod {
  const method = 'cot2';
  checkCount({ method, option: 'count', value: thoughts });

  /** Question and the thoughts' places. */
  function thinking({
    example,
    stages,
    context,
  }: {
    example: Pick<ReasoningExample, 'question' | 'image'>;
    stages?: readonly string[];
    context: LayoutContext;
  }): LayoutBuilder {
    const builder = new LayoutBuilder({ context }).prompt({
      question: example.question,
      hasImage: example.image !== undefined,
    });
    const id = context.tokenizer.idOf(latentTokens.latent);
    for (let index = 0; index < thoughts; index++)
      builder.thought({ stage: nameOf(index, stages), index: 0, id, kind: 'continuous', predicted: false });
    return builder;
  }

  return {
    name: method,
    mixesEmbeddings: true,
    fedAcross: true,
    objectives: [{ name: 'next-token' }, { name: 'soft-targets', options: { weight } }],
    specialTokens: () => [latentTokens.latent],
    lastStages: ({ stages }) => Array.from({ length: thoughts }, (_, index) => nameOf(index, stages)),
    thoughtStages: ({ stages }) => stages.slice(0, thoughts),

    curriculum({ stages }) {
      checkSteps({ method, stages });
      const hiddenStages = stages.slice(0, thoughts);
      return [{ name: 'soft targets', index: 0, hiddenStages, kind: 'encode', level: Infinity }];
    },

    layout({ example, context }) {
      const layout = thinking({
        example,
        stages: example.steps.map(({ name }, index) => name ?? nameOf(index)),
        context,
      })
        .answer(example.answer)
        .build();
      const held = layout.thoughts.map(({ position }, index) => ({
        position,
        ...sharesOf({
          example,
          index: repeatLast ? Math.min(index, example.steps.length - 1) : index,
          states,
          context,
        }),
      }));
      const softTargets: SoftTargets = {
        targets: held.map(({ position, ...shares }) => ({ position: position - 1, ...shares })),
      };
      return { ...layout, inputs: held, parts: { 'soft-targets': softTargets } };
    },

    ...promptOf(thinking),
    promptThoughts: (options) => thinking(options).build().thoughts,
  };
}

function nameOf(index: number, stages: readonly string[] = []): string {
  return stages[index] ?? stageName({ step: {}, index });
}

/** The states that a step lists, with their shares. @throws ReasonerError `missing-stage`, `invalid-option` */
function sharesOf({
  example: { id, steps },
  index,
  states,
  context: { tokenizer },
}: {
  example: ReasoningExample;
  index: number;
  states: 'every' | 'last';
  context: LayoutContext;
}): { ids: number[]; weights: number[] } {
  const written = (steps[index]?.text ?? '').split(/\s+/).filter((word) => word !== '');
  const words = states === 'last' ? written.slice(-1) : written;
  if (words.length === 0)
    throw new ReasonerError({
      code: 'missing-stage',
      message: `The example ${id} has no step ${Math.max(0, index) + 1}, whose states a thought of "cot2" is to hold. Leave it out, take fewer thoughts, or repeatLast.`,
    });
  const counts = new Map<number, number>();
  for (const word of words) {
    const [token, ...more] = idsOf({ tokenizer, text: word });
    if (token === undefined || more.length > 0)
      throw new ReasonerError({
        code: 'invalid-option',
        message: `The example ${id} lists the state "${word}" in step ${index + 1}, which takes ${more.length + 1} tokens: a state of "cot2" is one. In the format "tagged" a new model's tokens are words.`,
      });
    counts.set(token, (counts.get(token) ?? 0) + 1);
  }
  return { ids: [...counts.keys()], weights: [...counts.values()].map((found) => found / words.length) };
}
