import type { ReasoningExample } from '@subtext/data';

import { ANSWER, IMAGE, PREFIX, QUESTION, type Role, tagRole, toldRole, wordsRole } from '../visibility/roles';
import type { ReasoningFormat } from './reasoning-format';
import { idsOf } from './text-ids';
import {
  IGNORED_LABEL,
  type Layout,
  type LayoutContext,
  type ReasoningMethod,
  type ThoughtPosition,
  type ThoughtWords,
} from './reasoning-method';

/** Collects ids, labels, roles and thoughts of one example. */
export class LayoutBuilder {
  readonly #ids: number[] = [];
  readonly #labels: number[] = [];
  readonly #roles: Role[] = [];
  readonly #thoughts: ThoughtPosition[] = [];
  readonly #context: LayoutContext;

  constructor({ context }: { context: LayoutContext }) {
    this.#context = context;
  }

  /** Prefix, image placeholders, question with its marks, and words to make thoughts from; none of it carries loss. */
  prompt({ question, hasImage, words = {} }: { question: string; hasImage: boolean; words?: ThoughtWords }): this {
    const { prefix = [], image, tokenizer, format } = this.#context;
    this.#push({ ids: prefix, predicted: false, role: PREFIX });
    const picture = hasImage && image ? (image.ids ?? new Array<number>(image.tokens).fill(image.tokenId)) : [];
    const { open = '', close = '' } = format.question ?? {};
    const asked = piecesOf({ format, parts: [open, question, close] }).flatMap((text) =>
      text === '' ? [] : idsOf({ tokenizer, text }),
    );
    const parts = [
      { ids: picture, predicted: false, role: IMAGE },
      { ids: asked, predicted: false, role: QUESTION },
    ];
    for (const part of image?.position === 'after' ? parts.reverse() : parts) this.#push(part);
    for (const [stage, text] of Object.entries(words)) {
      this.#push({ ids: idsOf({ tokenizer, text }), predicted: false, role: wordsRole(stage) });
    }
    return this;
  }

  /** A token that is given, not predicted: a mark around thoughts. */
  marker({ id, role }: { id: number; role: Role }): this {
    this.#push({ ids: [id], predicted: false, role });
    return this;
  }

  /** Text that the model must write. Each call is tokenized for itself, so that marks never merge with text. */
  text({ text, role }: { text: string; role: Role }): this {
    if (text === '') return this;
    this.#push({ ids: idsOf({ tokenizer: this.#context.tokenizer, text }), predicted: true, role });
    return this;
  }

  /** A step in words between its marks. */
  step({
    stage,
    index,
    text,
  }: {
    stage: string;
    /** Of the step in its chain, from 0. */ index: number;
    text: string;
  }): this {
    const { open, close } = this.#context.format.step({ name: stage, index });
    return this.#marked({ open, text, close, tag: tagRole(stage), role: stage });
  }

  /** One thought of a stage. `predicted`: whether the model must write the token itself. */
  thought({
    stage,
    index,
    id,
    kind,
    predicted,
  }: Omit<ThoughtPosition, 'position'> & { id: number; predicted: boolean }): this {
    this.#thoughts.push({ stage, index, kind, position: this.#ids.length });
    this.#push({ ids: [id], predicted, role: stage });
    return this;
  }

  /** The answer between its marks, then the end of the response. */
  answer(answer: string): this {
    this.#marked({ ...this.#context.format.answer, text: answer, tag: ANSWER, role: ANSWER });
    this.#push({ ids: [this.#context.endId], predicted: true, role: ANSWER });
    return this;
  }

  /** What a stage's thoughts hold, in words behind the sequence; the opening mark is given. */
  told({ stage, index, text }: { stage: string; index: number; text: string }): this {
    const { open } = this.#context.format.step({ name: stage, index });
    const role = toldRole(stage);
    this.#push({ ids: idsOf({ tokenizer: this.#context.tokenizer, text: open }), predicted: false, role });
    return this.text({ text, role });
  }

  build(): Layout & { roles: Role[] } {
    const firstPredicted = this.#labels.findIndex((label) => label !== IGNORED_LABEL);
    return {
      ids: this.#ids,
      labels: this.#labels,
      roles: this.#roles,
      promptLength: firstPredicted < 0 ? this.#ids.length : firstPredicted,
      thoughts: this.#thoughts,
    };
  }

  /** Words between marks; where a format joins them into one text, all of it has the role of the words. */
  #marked({
    open,
    text,
    close,
    tag,
    role,
  }: {
    open: string;
    text: string;
    close: string;
    tag: Role;
    role: Role;
  }): this {
    const pieces = piecesOf({ format: this.#context.format, parts: [open, text, close] });
    for (const [place, piece] of pieces.entries())
      this.text({ text: piece, role: pieces.length === 1 || place === 1 ? role : tag });
    return this;
  }

  #push({ ids, predicted, role }: { ids: readonly number[]; predicted: boolean; role: Role }): void {
    for (const id of ids) {
      this.#ids.push(id);
      this.#labels.push(predicted ? id : IGNORED_LABEL);
      this.#roles.push(role);
    }
  }
}

/** What is tokenized by itself: a text and its marks apart, or together where the format joins them. */
function piecesOf({ format, parts }: { format: ReasoningFormat; parts: readonly string[] }): readonly string[] {
  return format.joined === true ? [parts.join('')] : parts;
}

/** What stands between a step's marks: its text, or special tokens that are thoughts. */
export type StepContent =
  | { kind: 'text' }
  | {
      kind: 'thoughts';
      ids: readonly number[];
      /** @default 'token' */
      as?: 'token' | 'added';
      /** Whether the closing mark stands behind them. @default true */
      closed?: boolean;
    };

/** Lays out the prompt, each step between its marks, and the answer. */
export function layoutSteps({
  example,
  context,
  words,
  told,
  content,
}: {
  example: ReasoningExample;
  context: LayoutContext;
  /** What stages are to think, in words. @default nothing */
  words?: ThoughtWords;
  /** The stage whose thoughts are told in words behind the sequence. @default none */
  told?: string;
  /** What stands in a step's place. */
  content: (options: { stage: string; text: string }) => StepContent;
}): Layout & { roles: Role[] } {
  const builder = new LayoutBuilder({ context }).prompt({
    question: example.question,
    hasImage: example.image !== undefined,
    words,
  });
  for (const [index, step] of example.steps.entries()) {
    const stage = stageName({ step, index });
    const inside = content({ stage, text: step.text });
    if (inside.kind === 'text') {
      builder.step({ stage, index, text: step.text });
      continue;
    }
    const { open, close } = context.format.step({ name: stage, index });
    builder.text({ text: open, role: tagRole(stage) });
    for (const [thought, id] of inside.ids.entries())
      builder.thought({ stage, index: thought, id, kind: inside.as ?? 'token', predicted: true });
    if (inside.closed ?? true) builder.text({ text: close, role: tagRole(stage) });
  }
  builder.answer(example.answer);
  for (const [index, step] of example.steps.entries()) {
    const stage = stageName({ step, index });
    if (stage === told) builder.told({ stage, index, text: step.text });
  }
  return builder.build();
}

/** What a response begins with whatever the question: marks and thinking tokens, up to the first that depends on it. */
export function responseStart({
  stages,
  context,
  closed = true,
  thoughts,
}: {
  stages: readonly string[];
  context: LayoutContext;
  /** Whether closing marks stand behind hidden stages. @default true */
  closed?: boolean;
  /** A hidden stage's thinking tokens, as far as they are the same for every example, and whether these are all; null where the stage is text. */
  thoughts: (stage: string) => { ids: readonly number[]; complete: boolean } | null;
}): number[] {
  const { tokenizer, format } = context;
  const tokens = (text: string) => (text === '' ? [] : idsOf({ tokenizer, text }));
  const ids: number[] = [];
  for (const [index, name] of stages.entries()) {
    const { open, close } = format.step({ name, index });
    ids.push(...tokens(open));
    const hidden = thoughts(name);
    if (hidden === null) return ids;
    ids.push(...hidden.ids);
    if (!hidden.complete) return ids;
    if (closed) ids.push(...tokens(close));
  }
  return [...ids, ...tokens(format.answer.open)];
}

/** A step's own name, else `step_1` … by its place. */
export function stageName({ step, index }: { step: { name?: string }; index: number }): string {
  return step.name ?? `step_${index + 1}`;
}

/** What `prompt` and `promptRoles` are of in a method whose prompt is a layout of its own. */
export function promptOf(
  lay: (options: Parameters<NonNullable<ReasoningMethod['promptRoles']>>[0]) => LayoutBuilder,
): Required<Pick<ReasoningMethod, 'prompt' | 'promptRoles'>> {
  return { prompt: (options) => lay(options).build().ids, promptRoles: (options) => lay(options).build().roles };
}

/** The prompt that every method without thoughts in the prompt starts from. */
export const questionPrompt = promptOf(({ example, context }) =>
  new LayoutBuilder({ context }).prompt({
    question: example.question,
    hasImage: example.image !== undefined,
    words: example.words,
  }),
);
