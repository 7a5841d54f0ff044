import type { Tokenizer } from './tokenizer';
import { TokenizerError } from './tokenizer-error';

/** A stage of a chain of thought and how many tokens stand for it. */
export interface ThinkingStage {
  /** The stage's name, such as `summary`. */
  name: string;
  /** Thinking tokens that stand for its text. @default 1 */
  count?: number;
}

/** The stage's name as tags and tokens write it: `summary` is `SUMMARY`, `scene graph` is `SCENE_GRAPH`. */
function tagName(stage: string): string {
  const name = stage
    .trim()
    .replace(/[\s-]+/gu, '_')
    .toUpperCase();
  if (!/^[\p{L}\p{N}_]+$/u.test(name)) {
    throw new TokenizerError({
      code: 'invalid-token',
      message: `the stage name ${JSON.stringify(stage)} must be of letters, digits, spaces, hyphens and underscores`,
    });
  }
  return name;
}

/**
 * The tags around a stage's text or thinking tokens, as LLaVA-CoT writes them: `<SUMMARY>` and `</SUMMARY>`.
 */
export function stageTags(stage: string): { open: string; close: string } {
  const name = tagName(stage);
  return { open: `<${name}>`, close: `</${name}>` };
}

/**
 * The thinking tokens of a stage, named as Heima names them: `<THINKING_OF_SUMMARY>` where one stands for the stage,
 * `<THINKING_OF_SUMMARY_1>`, … where several do.
 *
 * @param options.stage the stage's name
 * @param options.count how many stand for it. @default 1
 * @throws TokenizerError `invalid-token`, `invalid-option`
 */
export function thinkingTokens(options: { stage: string; count?: number }): string[] {
  const { stage, count = 1 } = options;
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new TokenizerError({
      code: 'invalid-option',
      message: `a stage has a whole number of thinking tokens, at least 1, not ${count}`,
    });
  }
  const name = `THINKING_OF_${tagName(stage)}`;
  return count === 1 ? [`<${name}>`] : Array.from({ length: count }, (_, index) => `<${name}_${index + 1}>`);
}

/**
 * Adds the thinking tokens of stages to a tokenizer, in reserved slots where its vocabulary has them.
 *
 * @param options.tokenizer the tokenizer, which is changed
 * @param options.stages the stages
 * @param options.tags also make each stage's tags tokens of their own. @default false
 * @returns each stage's thinking token ids, by its name
 * @throws TokenizerError `invalid-token`, `invalid-option`
 */
export function addThinkingTokens(options: {
  tokenizer: Tokenizer;
  stages: readonly ThinkingStage[];
  tags?: boolean;
}): Map<string, number[]> {
  const { tokenizer, stages, tags = false } = options;
  const named = stages.map((stage) => ({ stage, tokens: thinkingTokens({ stage: stage.name, count: stage.count }) }));
  const tagTokens = tags ? stages.flatMap(({ name }) => Object.values(stageTags(name))) : [];
  tokenizer.addTokens([...named.flatMap(({ tokens }) => tokens), ...tagTokens]);
  return new Map(named.map(({ stage, tokens }) => [stage.name, tokens.map((token) => tokenizer.idOf(token))]));
}
