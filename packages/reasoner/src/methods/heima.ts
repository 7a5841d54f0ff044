import type { ReasoningExample } from '@subtext/data';
import { z } from 'zod';

import { ReasonerError } from '../errors';
import { checkProbability } from './check-option';
import { layoutSteps, questionPrompt, responseStart, stageName } from './layout-builder';
import { share } from './option-schemas';
import type { Layout, LayoutContext, Phase, PredictedWords, ReasoningMethod, Swap } from './reasoning-method';
import { idsOf } from './text-ids';
import { textParts } from './text-parts';
import { checkVisible, drawStageWords, type StageWords } from './stage-words';
import {
  checkThinkingTokens,
  type ThinkingTokenCount,
  thinkingTokenCount,
  thinkingTokenNames,
  writtenThinkingTokens,
} from './thinking-tokens';

/** What a configuration says of `heima`. */
export const heimaOptions = z.strictObject({
  thinkingTokens: writtenThinkingTokens.default(1),
  hidingOrder: z.array(z.string()).optional(),
  progressive: z.boolean().default(true),
  recovering: z.boolean().default(true),
  textPhase: z.boolean().default(true),
  closingTags: z.boolean().describe('a closing tag behind each hidden stage').default(true),
  feedBack: z.boolean().describe('adds the state before a thinking token to its embedding').default(false),
  fromWords: share.describe('share of examples whose thoughts of one stage are made from its words').default(0),
  predictWords: z.number().min(0).describe('weight of the words that each thought predicts, all at once').default(0),
  toWords: share.describe('share of examples that tell in words what the thoughts of one stage hold').default(0),
  swap: share.describe('share of examples that learn to answer from the thoughts of another').default(0),
});
const defaults = heimaOptions.parse({});

export interface HeimaOptions {
  /** Thinking tokens a stage. @default { kind: 'fixed', count: 1 } */
  thinkingTokens?: ThinkingTokenCount;
  /** In which order the stages are hidden, by name. @default the order in which they are written */
  hidingOrder?: readonly string[];
  /** Hide one stage more each phase; otherwise all at once (the paper's "not progressive"). @default true */
  progressive?: boolean;
  /** End with a phase that has everything hidden, at a lower learning rate. @default true */
  recovering?: boolean;
  /** Begin with a phase in which the whole chain is text. Leave it out where the model already writes its chain. @default true */
  textPhase?: boolean;
  /**
   * A closing tag stands behind each hidden stage, as published. Its last thinking token tells as much, unless a ratio says how
   * many there are: without closing tags each hidden stage takes a token less (a tag's tokens less, where a tag is several).
   * @default true
   */
  closingTags?: boolean;
  /**
   * Adds to a thinking token's embedding the final state of the position before it, through a learned matrix. A thought that
   * is not fed back has only the network's depth for all serial steps; fed back, each starts from the one before. Each is then
   * a pass of its own. @default false
   */
  feedBack?: boolean;
  /**
   * Share of examples in which the words of one hidden stage, drawn at random, stand behind the question. Its thoughts see
   * these words and nothing else, and nothing but them sees the words: so the model learns to think what it is told, and
   * thoughts can be edited in words. Needs a visibility. @default 0
   */
  fromWords?: number;
  /**
   * Share of examples in which the words of one hidden stage, drawn at random, follow the answer, to be written from its
   * thoughts: they see these and nothing else, and nothing sees them. So later stages, which look up the same things in the
   * same thoughts, learn within a few hundred steps to read them; the answer's own loss is too rare a teacher. Needs a
   * visibility. @default 0
   */
  toWords?: number;
  /**
   * Weight of the objective `thought-words`: each thought predicts the words of its part of the step, all at once, through
   * matrices that serve training alone. So each comes to hold its own part, within a hundred steps. What is fed back is what
   * is supervised: with `feedBack` the state before a thinking token, else the one at it. @default 0
   */
  predictWords?: number;
  /** Share of examples that also learn the answer that follows from another example's thoughts of a stage. Needs a visibility, and data that tells what follows. @default 0 */
  swap?: number;
}

function checkHidingOrder({
  hidingOrder,
  stages,
}: {
  hidingOrder: readonly string[];
  stages: readonly string[];
}): void {
  const sameNames =
    hidingOrder.every((stage) => stages.includes(stage)) && stages.every((stage) => hidingOrder.includes(stage));
  if (sameNames && hidingOrder.length === stages.length) return;
  throw new ReasonerError({
    code: 'invalid-option',
    message: `The hiding order [${hidingOrder.join(', ')}] must name each stage once; the data has [${stages.join(', ')}].`,
  });
}

/** The steps of an example that a phase hides. */
function hiddenSteps({
  example,
  phase,
}: {
  example: ReasoningExample;
  phase: Phase;
}): { stage: string; text: string }[] {
  return example.steps
    .map((step, index) => ({ stage: stageName({ step, index }), text: step.text }))
    .filter(({ stage }) => phase.hiddenStages.includes(stage));
}

/**
 * Heima (arXiv 2501.19201): each stage before the conclusion becomes thinking tokens, one stage more each phase, and
 * a recovering phase ends the training. As published the tags stay; thinking tokens are predicted like words, and nothing is
 * fed back.
 */
export function heima({
  thinkingTokens = thinkingTokenCount(defaults.thinkingTokens),
  hidingOrder,
  progressive = defaults.progressive,
  recovering = defaults.recovering,
  textPhase = defaults.textPhase,
  closingTags = defaults.closingTags,
  feedBack = defaults.feedBack,
  fromWords = defaults.fromWords,
  toWords = defaults.toWords,
  predictWords = defaults.predictWords,
  swap = defaults.swap,
}: HeimaOptions = {}): ReasoningMethod {
  checkThinkingTokens(thinkingTokens);
  if (!closingTags && thinkingTokens.kind === 'ratio') {
    throw new ReasonerError({
      code: 'invalid-option',
      message:
        'With a ratio of thinking tokens only a closing tag tells where a hidden stage ends. Leave closingTags at true, or give the number of thinking tokens.',
    });
  }
  checkProbability({ method: 'heima', option: 'fromWords', value: fromWords });
  checkProbability({ method: 'heima', option: 'toWords', value: toWords });
  checkProbability({ method: 'heima', option: 'swap', value: swap });

  /** By stage, the parts of its text that thoughts predict; every phase lays an example out anew. */
  const parts = new WeakMap<ReasoningExample, Map<string, readonly string[]>>();
  function keepParts({
    example,
    stage,
    text,
    count,
  }: {
    example: ReasoningExample;
    stage: string;
    text: string;
    count: number;
  }): void {
    const kept = parts.get(example) ?? new Map<string, readonly string[]>();
    // Of another tokenizer a ratio gives another number.
    if (kept.get(stage)?.length !== count) kept.set(stage, textParts({ text, parts: count }));
    parts.set(example, kept);
  }

  /** Lays an example out, with the words that a stage's thoughts are made from or tell, if any. */
  function layOut({
    example,
    phase,
    context,
    words = {},
  }: {
    example: ReasoningExample;
    phase: Phase;
    context: LayoutContext;
    words?: StageWords;
  }): Layout {
    const layout = layoutSteps({
      example,
      context,
      ...words,
      content({ stage, text }) {
        if (!phase.hiddenStages.includes(stage)) return { kind: 'text' };
        const names = thinkingTokenNames({ stage, thinkingTokens });
        const { tokenizer } = context;
        const count =
          thinkingTokens.kind !== 'ratio'
            ? names.length
            : Math.min(Math.max(Math.floor(thinkingTokens.ratio * idsOf({ tokenizer, text }).length), 1), names.length);
        if (predictWords > 0) keepParts({ example, stage, text, count });
        return {
          kind: 'thoughts',
          ids: names.slice(0, count).map((name) => tokenizer.idOf(name)),
          as: feedBack ? 'added' : 'token',
          closed: closingTags,
        };
      },
    });
    if (predictWords === 0) return layout;
    const thoughts = layout.thoughts.map(({ stage, index, position }) => ({
      position: feedBack ? position - 1 : position,
      ids: idsOf({ tokenizer: context.tokenizer, text: parts.get(example)!.get(stage)![index]! }),
    }));
    const predicted: PredictedWords = { thoughts };
    return { ...layout, parts: { 'thought-words': predicted } };
  }

  return {
    name: 'heima',
    ...((predictWords > 0 || swap > 0) && {
      objectives: [
        { name: 'next-token' },
        ...(predictWords > 0 ? [{ name: 'thought-words', options: { weight: predictWords } }] : []),
        ...(swap > 0 ? [{ name: 'swap' }] : []),
      ],
    }),
    addsStates: feedBack,
    thinksFromWords: fromWords > 0,
    ...(!closingTags && {
      stageEnd: ({ stage, tokenizer }) => tokenizer.idOf(thinkingTokenNames({ stage, thinkingTokens }).at(-1)!),
    }),
    specialTokens: ({ stages }) => stages.flatMap((stage) => thinkingTokenNames({ stage, thinkingTokens })),

    curriculum({ stages }) {
      const order = hidingOrder ?? stages;
      checkHidingOrder({ hidingOrder: order, stages });
      const inWrittenOrder = (hidden: readonly string[]) => stages.filter((stage) => hidden.includes(stage));
      const phases: Omit<Phase, 'index'>[] = [];
      if (textPhase) phases.push({ name: 'chain of thought', hiddenStages: [], kind: 'text' });
      if (progressive) {
        for (const [index, stage] of order.entries()) {
          phases.push({
            name: `hide ${stage}`,
            hiddenStages: inWrittenOrder(order.slice(0, index + 1)),
            kind: 'encode',
          });
        }
      } else {
        phases.push({ name: 'hide all', hiddenStages: stages, kind: 'encode' });
      }
      if (recovering) phases.push({ name: 'recover', hiddenStages: stages, kind: 'recover' });
      return phases.map((phase, index) => ({ ...phase, index }));
    },

    layout({ example, phase, context, counters }) {
      const present = example.steps.map((step, index) => stageName({ step, index }));
      // Steps without names are told apart by their number: a shorter chain lacks the last ones, and hides what it has.
      const named = example.steps.length === 0 || example.steps.some(({ name }) => name !== undefined);
      const missing = named ? phase.hiddenStages.find((stage) => !present.includes(stage)) : undefined;
      if (missing !== undefined) {
        throw new ReasonerError({
          code: 'missing-stage',
          message: `Example ${example.id} has no stage "${missing}", which this phase hides.`,
        });
      }
      checkVisible({ context, fromWords, toWords, swap });
      const words = drawStageWords({ hidden: hiddenSteps({ example, phase }), fromWords, toWords, counters });
      const layout = layOut({ example, phase, context, words });
      if (swap > 0 && phase.hiddenStages.length > 0) layout.parts = { ...layout.parts, swap: { share: swap } as Swap };
      return layout;
    },

    chanceLayouts({ example, phase, context }) {
      if (fromWords === 0 && toWords === 0) return [];
      // Words before the answer and behind it are drawn apart: longest is the longest stage in both places.
      return hiddenSteps({ example, phase }).map(({ stage, text }) =>
        layOut({
          example,
          phase,
          context,
          words: { ...(fromWords > 0 && { words: { [stage]: text } }), ...(toWords > 0 && { told: stage }) },
        }),
      );
    },

    ...questionPrompt,

    // Thinking tokens that are not fed back can run side by side. How many a ratio gives depends on the text.
    responseStart: ({ stages, hiddenStages, context }) =>
      responseStart({
        stages,
        context,
        closed: closingTags,
        thoughts(stage) {
          if (!hiddenStages.includes(stage)) return null;
          if (feedBack) return { ids: [], complete: false };
          const ids = thinkingTokenNames({ stage, thinkingTokens }).map((name) => context.tokenizer.idOf(name));
          return thinkingTokens.kind === 'ratio' ? { ids: ids.slice(0, 1), complete: false } : { ids, complete: true };
        },
      }),
  };
}
