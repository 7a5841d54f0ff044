import { ownValue } from '@subtext/core';
import { IGNORED_LABEL } from '@subtext/reasoner';
import type { Tokenizer } from '@subtext/tokenizer';

import { DecoderError } from '../errors';
import { promptTemplates } from './explanatory-prompts';

/** What an interpreter's sequences depend on. */
export interface ExplanationContext {
  tokenizer: Tokenizer;
  /** Name of a set of templates: `brief` or `explanatory`. */
  templates: string;
  /** Id that stands in a thought's place until its state overwrites it. */
  slotId: number;
  /** Ids before everything else. @default [] */
  prefix?: number[];
  /** The id that ends an explanation. */
  endId: number;
  /** Words that open an explanation of a stage, so that one interpreter can serve several. */
  opening: (stage: string) => string;
  /** Whether the question stands in the prompt; without it, only the thought can tell. @default true */
  withQuestion?: boolean;
}

/** An interpreter's sequence: prompt with slots, then the explanation. */
export interface ExplanationLayout {
  ids: number[];
  labels: number[];
  promptLength: number;
  /** Positions whose embeddings the thoughts' states overwrite, in order. */
  slots: number[];
}

/** Lays out the prompt for one stage's thoughts and, while training, the text that it must give. */
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
  /** How many states the stage has. */
  thoughts: number;
  /** The stage's text; absent for generation. */
  text?: string;
  /** Which of the templates. @default 0 */
  template?: number;
  context: ExplanationContext;
}): ExplanationLayout {
  const { tokenizer, prefix = [], slotId, endId, opening, withQuestion = true } = context;
  const encode = (part: string) => (part === '' ? [] : tokenizer.encode(part, { addSpecialTokens: false }).ids);
  const ids = [...prefix];
  // Not by a spread, which ends in a RangeError where a text is very long.
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

/** How many templates a set holds. */
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
    message: `There are no prompt templates named "${name}". Take one of: ${Object.keys(promptTemplates).join(', ')}.`,
  });
}
