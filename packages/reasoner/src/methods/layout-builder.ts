import type { ReasoningExample } from '@subtext/data';

import type { ReasoningFormat } from './reasoning-format';
import { IGNORED_LABEL, type Layout, type LayoutContext, type ThoughtPosition } from './reasoning-method';

/** Collects ids, labels and thoughts of one example. */
export class LayoutBuilder {
  readonly #ids: number[] = [];
  readonly #labels: number[] = [];
  readonly #thoughts: ThoughtPosition[] = [];
  readonly #context: LayoutContext;

  constructor({ context }: { context: LayoutContext }) {
    this.#context = context;
  }

  /** Prefix, image placeholders and question with its marks; none of it carries loss. */
  prompt({ question, hasImage }: { question: string; hasImage: boolean }): this {
    const { prefix = [], image, tokenizer, format } = this.#context;
    this.#push(prefix, false);
    const picture = hasImage && image ? (image.ids ?? new Array<number>(image.tokens).fill(image.tokenId)) : [];
    const { open = '', close = '' } = format.question ?? {};
    const words = piecesOf({ format, parts: [open, question, close] }).flatMap((text) =>
      text === '' ? [] : tokenizer.encode(text, { addSpecialTokens: false }).ids,
    );
    this.#push(image?.position === 'after' ? [...words, ...picture] : [...picture, ...words], false);
    return this;
  }

  /** A token that is given, not predicted: a mark around thoughts. */
  marker(id: number): this {
    this.#push([id], false);
    return this;
  }

  /** Text that the model must write. Each call is tokenized for itself, so that marks never merge with text. */
  text(text: string): this {
    if (text !== '') this.#push(this.#context.tokenizer.encode(text, { addSpecialTokens: false }).ids, true);
    return this;
  }

  /** A step or an answer in words between its marks. */
  marked({ open, text, close }: { open: string; text: string; close: string }): this {
    for (const piece of piecesOf({ format: this.#context.format, parts: [open, text, close] })) this.text(piece);
    return this;
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
    this.#push([id], predicted);
    return this;
  }

  /** The answer between its marks, then the end of the response. */
  answer(answer: string): this {
    this.marked({ ...this.#context.format.answer, text: answer });
    this.#push([this.#context.endId], true);
    return this;
  }

  build(): Layout {
    const firstPredicted = this.#labels.findIndex((label) => label !== IGNORED_LABEL);
    return {
      ids: this.#ids,
      labels: this.#labels,
      promptLength: firstPredicted < 0 ? this.#ids.length : firstPredicted,
      thoughts: this.#thoughts,
    };
  }

  #push(ids: readonly number[], predicted: boolean): void {
    for (const id of ids) {
      this.#ids.push(id);
      this.#labels.push(predicted ? id : IGNORED_LABEL);
    }
  }
}

/** What is tokenized by itself: a text and its marks apart, or together where the format joins them. */
function piecesOf({ format, parts }: { format: ReasoningFormat; parts: readonly string[] }): readonly string[] {
  return format.joined === true ? [parts.join('')] : parts;
}

/** What stands between a step's marks: its text, or special tokens that are thoughts. */
export type StepContent = { kind: 'text' } | { kind: 'thoughts'; ids: readonly number[] };

/** Lays out the prompt, each step between its marks, and the answer. */
export function layoutSteps({
  example,
  context,
  content,
}: {
  example: ReasoningExample;
  context: LayoutContext;
  /** What stands in a step's place. */
  content: (options: { stage: string; text: string }) => StepContent;
}): Layout {
  const builder = new LayoutBuilder({ context }).prompt({
    question: example.question,
    hasImage: example.image !== undefined,
  });
  for (const [index, step] of example.steps.entries()) {
    const stage = stageName({ step, index });
    const { open, close } = context.format.step({ name: stage, index });
    const inside = content({ stage, text: step.text });
    if (inside.kind === 'text') {
      builder.marked({ open, text: step.text, close });
      continue;
    }
    builder.text(open);
    for (const [thought, id] of inside.ids.entries())
      builder.thought({ stage, index: thought, id, kind: 'token', predicted: true });
    builder.text(close);
  }
  return builder.answer(example.answer).build();
}

/** What a response begins with whatever the question: marks and thinking tokens, up to the first that depends on it. */
export function responseStart({
  stages,
  context,
  thoughts,
}: {
  stages: readonly string[];
  context: LayoutContext;
  /** A hidden stage's thinking tokens, as far as they are the same for every example, and whether these are all; null where the stage is text. */
  thoughts: (stage: string) => { ids: readonly number[]; complete: boolean } | null;
}): number[] {
  const { tokenizer, format } = context;
  const tokens = (text: string) => (text === '' ? [] : tokenizer.encode(text, { addSpecialTokens: false }).ids);
  const ids: number[] = [];
  for (const [index, name] of stages.entries()) {
    const { open, close } = format.step({ name, index });
    ids.push(...tokens(open));
    const hidden = thoughts(name);
    if (hidden === null) return ids;
    ids.push(...hidden.ids);
    if (!hidden.complete) return ids;
    ids.push(...tokens(close));
  }
  return [...ids, ...tokens(format.answer.open)];
}

/** A step's own name, else `step_1` … by its place. */
export function stageName({ step, index }: { step: { name?: string }; index: number }): string {
  return step.name ?? `step_${index + 1}`;
}

/** The prompt that every method without thoughts in the prompt starts from. */
export function questionPrompt({
  example,
  context,
}: {
  example: Pick<ReasoningExample, 'question' | 'image'>;
  context: LayoutContext;
}): number[] {
  return new LayoutBuilder({ context })
    .prompt({ question: example.question, hasImage: example.image !== undefined })
    .build().ids;
}
