import type { ReasoningExample } from '@subtext/data';
import { z } from 'zod';

import { randomAt } from '../batches/counter-random';
import { checkCount, checkProbability, checkSteps } from './check-option';
import { latentPrompt, latentTokens } from './latent-prompt';
import { LayoutBuilder, promptOf, stageName } from './layout-builder';
import { count, share } from './option-schemas';
import type { LayoutContext, Phase, ReasoningMethod } from './reasoning-method';

export const coconutOptions = z.strictObject({
  /** Steps that thoughts come to stand for: the curriculum's stages. */
  hiddenSteps: count.describe('steps that thoughts come to stand for').default(3),
  /** Thoughts for each hidden step: the paper's c. */
  thoughtsPerStep: count.default(1),
  /**
   * What stands in a hidden step's place. `continuous`: the last hidden state, fed back as the next input.
   * `pause` and `none` are the paper's controls under the same curriculum: the same positions with a learned token and
   * nothing fed back, and no position at all. `multi-pass-pause` computes what `pause` does, but one position after the
   * other, as Coconut has to: a control for the number of passes and their time.
   */
  thoughts: z
    .enum(['continuous', 'pause', 'multi-pass-pause', 'none'])
    .describe('all but "continuous" are controls under the same curriculum')
    .default('continuous'),
  /** Hide one step more each phase; otherwise all from the start: the paper's "without curriculum". */
  progressive: z.boolean().describe('false hides all steps from the start').default(true),
  /** Begin with a phase in which the whole chain is text. */
  textPhase: z.boolean().default(true),
  /** Share of examples that are laid out as in a stage drawn at random: the reference's `uniform_prob`. */
  uniformProbability: share.describe('share of examples laid out as in a stage drawn at random').default(0),
  /** Steps beyond `hiddenSteps` stay in words: the model thinks hidden, then writes a draft, then answers. */
  writeRest: z.boolean().describe('steps beyond hiddenSteps stay in words').default(false),
});
export type CoconutOptions = z.input<typeof coconutOptions>;
const defaults = coconutOptions.parse({});

export { latentTokens };

/** What the thoughts of each setting are to the model. */
const kinds = { continuous: 'continuous', pause: 'token', 'multi-pass-pause': 'stepped' } as const;

/**
 * Coconut, the chain of continuous thought (arXiv 2412.06769; facebookresearch/coconut, dataset.py): in stage k, k·c
 * thoughts stand for the first k steps, always k·c, even where the example has fewer steps; past the last stage no text
 * of any step is left, unless the rest is to be written. Question, marks and thoughts carry no loss.
 */
export function coconut({
  hiddenSteps = defaults.hiddenSteps,
  thoughtsPerStep = defaults.thoughtsPerStep,
  thoughts = defaults.thoughts,
  progressive = defaults.progressive,
  textPhase = defaults.textPhase,
  uniformProbability = defaults.uniformProbability,
  writeRest = defaults.writeRest,
}: CoconutOptions = {}): ReasoningMethod {
  const method = 'coconut';
  checkCount({ method, option: 'hiddenSteps', value: hiddenSteps });
  checkCount({ method, option: 'thoughtsPerStep', value: thoughtsPerStep });
  checkProbability({ method, option: 'uniformProbability', value: uniformProbability });

  /** Prompt, marks and the thoughts of the first steps. */
  function thinking({
    example,
    context,
    level,
  }: {
    example: Pick<ReasoningExample, 'question' | 'image'> & { steps?: ReasoningExample['steps'] };
    context: LayoutContext;
    level: number;
  }): LayoutBuilder {
    if (thoughts === 'none')
      return new LayoutBuilder({ context }).prompt({
        question: example.question,
        hasImage: example.image !== undefined,
      });
    return latentPrompt({
      example,
      context,
      steps: Math.min(level, hiddenSteps),
      thoughtsPerStep,
      kind: kinds[thoughts],
    });
  }

  const whole: NonNullable<Parameters<typeof promptOf>[0]> = ({ example, stages, context }) =>
    thinking({
      example: { ...example, steps: stages?.map((name) => ({ name, text: '' })) },
      context,
      level: Infinity,
    });
  const names = (stages: readonly string[]) =>
    Array.from({ length: hiddenSteps }, (_, index) => stages[index] ?? stageName({ step: {}, index }));

  return {
    name: method,
    fedAcross: thoughts === 'continuous',
    lastStages: ({ stages }) => [
      ...(thoughts === 'none' ? [] : names(stages)),
      ...(writeRest ? stages.slice(hiddenSteps) : []),
    ],
    thoughtStages: ({ stages }) => (thoughts === 'none' ? [] : stages.slice(0, hiddenSteps)),
    specialTokens: () => (thoughts === 'none' ? [] : Object.values(latentTokens)),

    curriculum({ stages }) {
      if (textPhase || progressive) checkSteps({ method, stages });
      const hidden = names(stages);
      const phases: Omit<Phase, 'index'>[] = [];
      if (textPhase) phases.push({ name: 'chain of thought', hiddenStages: [], kind: 'text', level: 0 });
      for (let level = progressive ? 1 : hiddenSteps; (progressive || writeRest) && level <= hiddenSteps; level++) {
        phases.push({
          name: `hide ${level} ${level === 1 ? 'step' : 'steps'}`,
          hiddenStages: hidden.slice(0, level),
          kind: 'encode',
          level,
        });
      }
      if (!writeRest) phases.push({ name: 'hide all steps', hiddenStages: hidden, kind: 'encode', level: Infinity });
      return phases.map((phase, index) => ({ ...phase, index }));
    },

    layout({ example, phase, context, counters }) {
      let level = phase.level ?? 0;
      if (counters && randomAt(...counters, 0) < uniformProbability)
        level = Math.floor(randomAt(...counters, 1) * (example.steps.length + 1));
      // Past the last stage no step is left: the reference's stage max + 1.
      const kept = level > hiddenSteps ? [] : example.steps.slice(level);
      const builder = thinking({ example, context, level });
      for (const [index, step] of kept.entries()) {
        const place = level + index;
        builder.step({ stage: stageName({ step, index: place }), index: place, text: step.text });
      }
      return builder.answer(example.answer).build();
    },

    ...promptOf(whole),
    ...(thoughts === 'none' ? {} : { promptThoughts: (options) => whole(options).build().thoughts }),
  };
}
