import { asWritten, checkCount, checkSteps } from './check-option';
import { latentPrompt, latentTokens } from './latent-prompt';
import { LayoutBuilder, promptOf, stageName } from './layout-builder';
import { ReasonerError } from '../errors';
import type { Layout, LayoutContext, ObjectiveSpecification, ReasoningMethod } from './reasoning-method';

/** The stage that thoughts are named by: they stand for the chain as a whole. */
const stage = 'thought';

/**
 * What methods of self-distillation into continuous thoughts have in common: the same model reads each example twice, with
 * its chain in words and with continuous thoughts in the chain's place, in one phase. What the first reading teaches the
 * second is the objectives'. Thoughts are fed back as Coconut's are, without a projection between them; a reasoner that has one
 * (`FeedbackMap`) thinks with it.
 */
export function selfDistillation({
  name: method,
  count,
  objectives,
  checkChain,
}: {
  name: string;
  /** Continuous thoughts before the answer. */
  count: number;
  objectives: readonly ObjectiveSpecification[];
  /** Refuses a chain that cannot teach. @default none */
  checkChain?: (options: { id: string; tokens: number }) => void;
}): ReasoningMethod {
  checkCount({ method, option: 'count', value: count });

  const thinking = ({
    example,
    context,
  }: {
    example: Parameters<ReasoningMethod['prompt']>[0]['example'];
    context: LayoutContext;
  }): LayoutBuilder =>
    latentPrompt({
      example: { question: example.question, image: example.image },
      context,
      steps: 1,
      thoughtsPerStep: count,
      stage,
    });

  return {
    name: method,
    objectives,
    specialTokens: () => Object.values(latentTokens),
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
      return [{ name: 'self-distillation', index: 0, hiddenStages: stages, kind: 'encode', level: Infinity }];
    },

    layout({ example, context }) {
      const builder = new LayoutBuilder({ context }).prompt({
        question: example.question,
        hasImage: example.image !== undefined,
      });
      const from = builder.build().ids.length;
      for (const [index, step] of example.steps.entries())
        builder.step({ stage: stageName({ step, index }), index, text: step.text });
      const to = builder.build().ids.length;
      checkChain?.({ id: example.id, tokens: to - from });
      const written = builder.answer(example.answer).build();
      const own = thinking({ example, context }).answer(example.answer).build();
      const position = (layout: Layout) => answerStart({ layout, answer: example.answer, context }) - 1;
      return {
        ...own,
        parts: {
          distillation: {
            apart: [written],
            own: position(own),
            position: position(written),
            chain: { from, to },
          },
        },
      };
    },

    ...promptOf(thinking),
    promptThoughts: ({ example, context }) => thinking({ example, context }).build().thoughts,
  };
}

/** Throws `invalid-option` unless the value is a number from 0 up. */
export function checkWeight({ method, option, value }: { method: string; option: string; value: number }): void {
  if (value >= 0 && value < Infinity) return;
  throw new ReasonerError({
    code: 'invalid-option',
    message: `The method "${method}" takes a number from 0 up as ${option}, not ${asWritten(value)}.`,
  });
}

/** Where the answer's own text begins: behind its opening mark. */
function answerStart({ layout, answer, context }: { layout: Layout; answer: string; context: LayoutContext }): number {
  const { format, tokenizer } = context;
  const length = (text: string) => (text === '' ? 0 : tokenizer.encode(text, { addSpecialTokens: false }).ids.length);
  const { open, close } = format.answer;
  // Where marks merge with the answer, it begins where the mark's own words end.
  if (format.joined === true)
    return layout.ids.length - 1 - length(`${open}${answer}${close}`) + length(open.trimEnd());
  return layout.ids.length - 1 - length(close) - length(answer);
}
