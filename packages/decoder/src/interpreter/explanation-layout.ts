import { ownValue } from '@subtext/core';
import { IGNORED_LABEL } from '@subtext/reasoner';
import type { Tokenizer } from '@subtext/tokenizer';

import { DecoderError } from '../errors';
import { promptTemplates } from './explanatory-prompts';

/** Settings for the layout of an interpreter's sequences. */
export interface ExplanationContext {
  tokenizer: Tokenizer;
  /** Name of a template set: `brief` or `explanatory`. */
  templates: string;
  /** Placeholder id for a thought, whose embedding is replaced by its state. */
  slotId: number;
  /** Ids before everything else. @default [] */
  prefix?: number[];
  /** The id that ends an explanation. */
  endId: number;
  /** Text that opens an explanation of a stage, so that one interpreter can cover several. */
  opening: (stage: string) => string;
  /** Whether the prompt includes the question; if not, only the thought carries information. @default true */
  withQuestion?: boolean;
}

/** An interpreter's sequence: a prompt with slots, then the explanation. */
export interface ExplanationLayout {
  ids: number[];
  labels: number[];
  promptLength: number;
  /** Positions whose embeddings are replaced by the thoughts' states, in order. */
  slots: number[];
}

/** Lays out the prompt for one stage's thoughts and, in training, the target text. */
export function layoutExplanation({
  question,
  stage,
  thoughts,
  text,
  template = 0,
  context,
}: {
  question: string;
  stage: string;
  /** Number of thoughts of the stage. */
  thoughts: number;
  /** Target text; absent for generation. */
  text?: string;
  /** Index of the template. @default 0 */
  template?: number;
  context: ExplanationContext;
}): ExplanationLayout {
  const { tokenizer, prefix = [], slotId, endId, opening, withQuestion = true } = context;
  const encode = (part: string) => (part === '' ? [] : tokenizer.encode(part, { addSpecialTokens: false }).ids);
  const ids = [...prefix];
  // No spread: it throws a RangeError for very long texts.
  const add = (more: readonly number[]) => {
    for (const id of more) ids.push(id);
  };
  const slots: number[] = [];
  for (const part of templateOf({ name: context.templates, index: template }).split(/(\{question\}|\{thought\})/)) {
    if (part === '{question}') {
      if (withQuestion) add(encode(question));
    } else if (part === '{thought}') {
      for (let index = 0; index < thoughts; index++) {
        slots.push(ids.length);
        ids.push(slotId);
      }
    } else add(encode(part.trim() === '' ? '' : part.replaceAll('{stage}', stage)));
  }
  add(encode(opening(stage)));
  const promptLength = ids.length;
  if (text !== undefined) add([...encode(text), endId]);
  return {
    ids,
    slots,
    promptLength,
    labels: ids.map((id, position) => (position < promptLength ? IGNORED_LABEL : id)),
  };
}

/** Number of templates in a set. */
export function templateCount(name: string): number {
  return templatesOf(name).length;
}

function templateOf({ name, index }: { name: string; index: number }): string {
  const templates = templatesOf(name);
  return templates[index % templates.length]!;
}

function templatesOf(name: string): readonly string[] {
  const set = ownValue(promptTemplates, name);
  if (set) return set.templates;
  throw new DecoderError({
    code: 'invalid-option',
    message: `There are no prompt templates named "${name}". Use one of: ${Object.keys(promptTemplates).join(', ')}.`,
  });
}
