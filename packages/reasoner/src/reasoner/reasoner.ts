import { ownValue } from '@subtext/core';
import { writeFileAtomically } from '@subtext/core/node';
import { loadImageProcessor, saveImageProcessor, type ImageProcessor } from '@subtext/encoders';
import { resolveModelFolder, type HubOptions } from '@subtext/hub';
import {
  isMultimodal,
  leftPad,
  loadModel,
  saveModel,
  sightVisibility,
  type EmbeddedInputs,
  type GenerateOptions,
  type LanguageModel,
} from '@subtext/model';
import { scatterRows, tf } from '@subtext/tensor';
import { loadTokenizer, type Tokenizer } from '@subtext/tokenizer';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { PictureStore } from '../batches/picture-store';
import { ReasonerError } from '../errors';
import { FeedbackMap } from '../feedback/feedback-map';
import { createMethod } from '../methods/registry';
import { type ReasoningFormat, reasoningFormats } from '../methods/reasoning-format';
import type { LayoutContext, PromptSubject, ReasoningMethod } from '../methods/reasoning-method';
import { checkTakesVisibility, embedBatch } from '../forward/embed-batch';
import { addedInputs, embedWithStates } from '../session/added-states';
import { Session } from '../session/session';
import { type DecideThought, thinkInPrompt, type ThoughtPrompts } from '../session/think-in-prompt';
import { type Thought, thoughtsAt } from '../session/thought';
import { checkThoughtWords } from '../session/thought-words';
import { methodVisibility } from '../visibility/method-visibility';
import { type RoleMarks, roleMarks, WrittenRoles } from '../visibility/written-roles';
import { type Answer, parseAnswer, parseStage } from './answer';
import { readReasonerSettings, type ReasonerSettings } from './reasoner-settings';

/** What a reasoner is asked. */
export type Question = PromptSubject;

export interface ThinkOptions {
  questions: readonly Question[];
  /** Questions answered side by side. @default 64 */
  batchSize?: number;
  /** @default a fifth more than the longest response seen in training */
  maxNewTokens?: number;
  /** @default 0: greedy */
  temperature?: number;
  /** Of the draws, where the temperature is above 0. @default 0 */
  seed?: number;
  /**
   * Decides what is fed as a continuous thought (`row` is the question's place): an edited or steered vector, a mean of
   * embeddings, a token. Thinking tokens that the model writes are not asked for. @default the state before it (Coconut)
   */
  nextInput?: DecideThought;
  /** Called after each batch. */
  onProgress?: (options: { done: number; total: number }) => void;
  signal?: AbortSignal;
}

/** Sequences as vectors, padded on the left. */
export interface EmbeddedSequences extends EmbeddedInputs {
  /** By sequence, 0 on padding; null where all have one length. */
  mask: number[][] | null;
  /** Positions, padding included. */
  time: number;
  /** By sequence, its tokens. */
  ids: readonly (readonly number[])[];
}

const settingsFile = 'subtext.json';

/** The model that thinks and answers, with the tokenizer, the method and the picture processor that belong to it. */
export class Reasoner {
  readonly model: LanguageModel;
  readonly tokenizer: Tokenizer;
  readonly settings: ReasonerSettings;
  readonly method: ReasoningMethod;
  readonly format: ReasoningFormat;
  readonly processor?: ImageProcessor;
  /** What a state goes through before it is fed back as a continuous thought (CODI); absent: nothing. */
  readonly feedback?: FeedbackMap;
  readonly #pictures?: PictureStore;
  readonly #stageOfThought: ReadonlyMap<number, { stage: string; index: number }>;
  readonly #tagLengths: ReadonlyMap<string, number>;
  /** By which the role of what is written is told; absent where all may see all. */
  readonly #marks?: RoleMarks;

  constructor({
    model,
    tokenizer,
    settings,
    processor,
    feedback,
  }: {
    model: LanguageModel;
    tokenizer: Tokenizer;
    settings: ReasonerSettings;
    /** Becomes the reasoner's, which frees it. */
    feedback?: FeedbackMap;
    /** How pictures are prepared; needed where the model takes pictures. */
    processor?: ImageProcessor;
  }) {
    this.model = model;
    this.tokenizer = tokenizer;
    this.settings = settings;
    this.method = createMethod(settings.method);
    this.format = formatNamed(settings.reasoningFormat);
    this.processor = processor;
    this.feedback = this.#feedbackOf(feedback);
    if (settings.visibility) {
      const { visibility, stages, image } = settings;
      methodVisibility({ method: this.method, visibility, stages, image: image !== undefined });
      checkTakesVisibility(model);
      this.#marks = roleMarks({ format: this.format, stages, tokenizer });
    }
    if (processor) this.#pictures = new PictureStore({ processor });
    this.#stageOfThought = new Map(
      // Thoughts that stand in the prompt are not written: their tokens mean nothing in a response.
      (this.method.promptThoughts ? [] : settings.stages).flatMap((stage) =>
        this.method
          .specialTokens({ stages: [stage] })
          .map((token, index) => [tokenizer.idOf(token), { stage, index }] as const),
      ),
    );
    this.#tagLengths = new Map(
      this.format
        .tags({ stages: settings.stages })
        .map((tag) => [tag, tokenizer.encode(tag, { addSpecialTokens: false }).ids.length]),
    );
  }

  /**
   * Loads a reasoner: a Hugging Face model folder with `subtext.json`, or a model of the hub that has one. Throws
   * `not-a-reasoner`, and HubError.
   */
  static async load(options: {
    /** A folder, or an id of the Hugging Face Hub. */
    folder: string;
    /** How an id of the hub is resolved: revision, token, progress. */
    hub?: HubOptions;
  }): Promise<Reasoner> {
    const folder = await resolveModelFolder({ ...options.hub, folder: options.folder });
    const settings = await readReasonerSettings({ path: join(folder, settingsFile), folder });
    formatNamed(settings.reasoningFormat);
    createMethod(settings.method);
    const tokenizer = await loadTokenizer({ folder });
    const processor = settings.image ? await loadImageProcessor({ folder }) : undefined;
    const model = await loadModel({ folder });
    const { maxPositions } = model.dimensions;
    if (settings.image && settings.image.tokens > maxPositions) {
      model.dispose();
      throw new ReasonerError({
        code: 'not-a-reasoner',
        message: `${join(folder, settingsFile)} says that a picture takes ${settings.image.tokens} tokens; the model has room for ${maxPositions} in all.`,
      });
    }
    if (!settings.feedback && createMethod(settings.method).addsStates === true) {
      model.dispose();
      throw new ReasonerError({
        code: 'not-a-reasoner',
        message: `${join(folder, settingsFile)} names no feedback, through which the method "${settings.method.name}" adds states to thinking tokens.`,
      });
    }
    if (!settings.feedback) return new Reasoner({ model, tokenizer, settings, processor });
    try {
      const feedback = await FeedbackMap.load({ folder, width: model.dimensions.width });
      return new Reasoner({ model, tokenizer, settings, processor, feedback });
    } catch (error) {
      model.dispose();
      throw error;
    }
  }

  /** Writes the folder: model, tokenizer and picture processor as Hugging Face lays them out, and `subtext.json`. */
  async save({ folder }: { folder: string }): Promise<void> {
    await mkdir(folder, { recursive: true });
    await saveModel({ model: this.model, folder });
    await this.tokenizer.save({ folder });
    if (this.processor) await saveImageProcessor({ processor: this.processor, folder });
    await this.feedback?.save({ folder });
    await writeFileAtomically({
      path: join(folder, settingsFile),
      data: `${JSON.stringify({ ...this.settings, feedback: this.feedback?.settings, format: this.settings.visibility ? 2 : 1 }, null, 2)}\n`,
    });
  }

  /** What the method's layouts depend on. */
  layoutContext(): LayoutContext {
    const { tokenizer, settings, format } = this;
    return {
      tokenizer,
      format,
      prefix: settings.prefix.map((token) => tokenizer.idOf(token)),
      endId: tokenizer.idOf(settings.endToken),
      image: settings.image && { ...settings.image, tokenId: tokenizer.idOf(settings.image.token) },
      ...(settings.visibility && { visibility: settings.visibility }),
    };
  }

  /**
   * The ids that answering each question starts from. Throws `invalid-option` for a picture that the model cannot see, or
   * whose tiles were not measured ({@link measurePictures}), and for words that no thought can be made from.
   */
  prompts(questions: readonly Question[]): number[][] {
    this.#checkPictures(questions);
    for (const { words } of questions) if (words) checkThoughtWords({ reasoner: this, words });
    return questions.map((question) => this.method.prompt({ example: question, context: this.#contextFor(question) }));
  }

  /** Finds out how many tiles the questions' pictures take, where pictures differ in that: `prompts` of such questions needs it. */
  async measurePictures(questions: readonly Question[]): Promise<void> {
    await this.#pictures?.measure(questions.map(({ image }) => image));
  }

  /**
   * Prompts, or prompts with responses begun, as vectors with their pictures in place: `[questions, time, width]`, padded
   * on the left. The caller frees `embeddings` and `forwardExtras`, in which who sees whom is said for one pass over all of
   * them; a session needs {@link sights} instead.
   */
  async embedSequences({
    questions,
    sequences,
    answers = [],
  }: {
    questions: readonly Question[];
    /** By question: its prompt's ids and what follows. */
    sequences: readonly (readonly number[])[];
    /** By question: an answer whose `prompt` the sequence begins with; the vectors that were fed at its thoughts stand in their places. @default none */
    answers?: readonly Pick<Answer, 'prompt' | 'thoughts'>[];
  }): Promise<EmbeddedSequences> {
    this.#checkLengths(sequences);
    const images = await this.#pictures?.prepare(questions.map(({ image }) => image));
    const { ids, mask, time } = leftPad({ prompts: sequences, padId: this.tokenizer.idOf(this.settings.endToken) });
    const fed = answers.flatMap(({ prompt, thoughts }, row) =>
      thoughts.flatMap(({ input, position }) =>
        typeof input === 'number' || prompt.length + position >= sequences[row]!.length
          ? []
          : [{ input, index: (row + 1) * time - sequences[row]!.length + prompt.length + position }],
      ),
    );
    const sights = this.sights({ questions, answers: answers.length > 0 ? answers : undefined });
    for (const [row, sight] of (sights ?? []).entries()) for (const id of sequences[row]!) sight.push(id);
    const columns = sequences.map(({ length }) => new Uint8Array(time).fill(1, time - length));
    const embedded = tf.tidy(() => {
      const words = embedBatch({ model: this.model, ids, rows: questions.length, time, images });
      const whole = sights
        ? { ...words, forwardExtras: { ...words.forwardExtras, visibility: sightVisibility({ sights, columns }) } }
        : words;
      if (fed.length === 0) return whole as unknown as tf.TensorContainerObject;
      const { shape } = whole.embeddings;
      const placed = scatterRows({
        input: tf.reshape(whole.embeddings, [shape[0] * time, shape[2]]) as tf.Tensor2D,
        indices: Int32Array.from(fed, ({ index }) => index),
        updates: tf.stack(fed.map(({ input }) => tf.tensor1d(input))) as tf.Tensor2D,
      });
      return { ...whole, embeddings: tf.reshape(placed, shape) } as unknown as tf.TensorContainerObject;
    }) as unknown as EmbeddedInputs;
    return { ...embedded, mask, time, ids: sequences };
  }

  /**
   * Who sees whom in what is answered to questions, for a {@link Session}; undefined where each position sees all before it.
   * The roles of prompts are known, those of tokens are told as they are fed or written.
   */
  sights({
    questions,
    answers,
  }: {
    questions: readonly Question[];
    /** By question: what it was answered, if it is fed again; thoughts that it did not take are not there. @default none */
    answers?: readonly Pick<Answer, 'prompt'>[];
  }): WrittenRoles[] | undefined {
    const marks = this.#marks;
    const { visibility: table, stages } = this.settings;
    if (!marks || !table) return undefined;
    return questions.map((example, row) => {
      const place = { example, stages, context: this.#contextFor(example) };
      const given = this.method.promptRoles!(place);
      const untaken = given.length - (answers?.[row]?.prompt.length ?? given.length);
      const left = untaken > 0 ? this.method.promptThoughts!(place).slice(-untaken) : [];
      const missing = new Set(left.map(({ position }) => position));
      return new WrittenRoles({
        table,
        marks,
        given: given.filter((_, position) => !missing.has(position)),
        answerFirst: this.method.promptThoughts !== undefined,
      });
    });
  }

  /**
   * The words of a text that the vocabulary lacks, in order, each once: the model reads them all as one unknown token, and
   * answers as if something else had been asked. None where every text can be spelled (bytes).
   */
  unknownWords(text: string): string[] {
    const { unknownId } = this.tokenizer;
    if (unknownId === undefined) return [];
    const isUnknown = (part: string) =>
      this.tokenizer.encode(part, { addSpecialTokens: false }).ids.includes(unknownId);
    if (!isUnknown(text)) return [];
    const words = [...new Set(text.split(/\s+/u).filter((word) => word !== ''))];
    // Where words carry the space before them, a word is looked up as it stands in a text.
    const unknown = words.filter((word) => isUnknown(word) && isUnknown(` ${word}`));
    return unknown.length > 0 ? unknown : words;
  }

  /** Answers questions, batch by batch. A question's answer does not depend on those beside it. */
  async think({
    questions,
    batchSize = 64,
    maxNewTokens,
    temperature = 0,
    seed = 0,
    nextInput,
    onProgress,
    signal,
  }: ThinkOptions): Promise<Answer[]> {
    this.#checkPictures(questions);
    const context = this.layoutContext();
    const answers: Answer[] = [];
    for (let start = 0; start < questions.length; start += batchSize) {
      signal?.throwIfAborted();
      const batch = questions.slice(start, start + batchSize);
      await this.measurePictures(batch);
      const prompts = this.prompts(batch);
      const { embeddings, mask, forwardExtras, time } = await this.embedSequences({
        questions: batch,
        sequences: prompts,
      });
      const positions = batch.map(
        (example) =>
          this.method.promptThoughts?.({ example, stages: this.settings.stages, context: this.#contextFor(example) }) ??
          [],
      );
      const newTokens = maxNewTokens ?? Math.ceil(this.settings.longestResponse * 1.2) + 1;
      const draft = this.method.responseStart?.({
        stages: this.settings.stages,
        hiddenStages: this.settings.hiddenStages,
        context,
      });
      const room = newTokens + (draft?.length ?? 0);
      let thought: ThoughtPrompts | undefined;
      let session: Session | undefined;
      const sights = this.sights({ questions: batch });
      try {
        if (positions.some(({ length }) => length > 0)) {
          thought = await thinkInPrompt({
            model: this.model,
            prompts: { embeddings, mask, forwardExtras, ids: prompts, thoughts: positions },
            reading: this.settings.thoughtReading,
            room,
            halting: this.method.halting?.(context),
            feedback: this.feedback,
            nextInput: nextInput && ((state) => nextInput({ ...state, row: start + state.row })),
            sights,
          });
        }
        session =
          thought?.session ??
          new Session({ model: this.model, batch: batch.length, capacity: time + room, forwardExtras, sights });
        const generation = await session.write({
          inputs: thought?.rest ?? { embeddings, mask, forwardExtras },
          maxNewTokens: newTokens,
          stopIds: [context.endId],
          draft,
          temperature,
          seed: seed + start,
          outputStates: true,
          embedNext: this.embedNext,
          signal,
        });
        const inputs = await this.writtenInputs({ ids: generation.ids, states: generation.states! });
        const thoughts = thought?.thoughts(generation.states!.map(([first]) => first!));
        for (const [row, generated] of generation.ids.entries()) {
          const before = thoughts?.[row] ?? [];
          const untaken = new Set(positions[row]!.slice(before.length).map(({ position }) => position));
          answers.push(
            this.readAnswer({
              prompt: prompts[row]!.filter((_, position) => !untaken.has(position)),
              ids: generated,
              states: generation.states![row]!,
              inputs: inputs[row],
              finished: generation.reasons[row] === 'stop-id',
              before,
              continuous: positions[row]!.slice(0, before.length).filter(({ kind }) => kind === 'continuous').length,
              passes: generation.passes[row]! + (thought?.passes[row] ?? 0),
            }),
          );
        }
      } finally {
        session?.dispose();
        tf.dispose([embeddings, thought?.rest.embeddings ?? [], forwardExtras as tf.TensorContainer]);
      }
      onProgress?.({ done: answers.length, total: questions.length });
    }
    return answers;
  }

  dispose(): void {
    this.feedback?.dispose();
    this.model.dispose();
  }

  /** How written tokens enter the next pass, for {@link Session.write}; undefined where they do as their embeddings. */
  get embedNext(): GenerateOptions['embedNext'] {
    if (this.method.addsStates !== true || !this.feedback) return undefined;
    return embedWithStates({
      model: this.model,
      feedback: this.feedback,
      isThought: (id) => this.#stageOfThought.has(id),
    });
  }

  /**
   * By row, the vectors that entered at the thinking tokens of what was written, by position; none where tokens entered as
   * their embeddings, or where the state that predicted one is not known.
   */
  async writtenInputs({
    ids,
    states,
  }: {
    ids: readonly (readonly number[])[];
    /** By row and position, the state that predicted the token. */
    states: readonly (readonly (Float32Array | undefined)[])[];
  }): Promise<Map<number, Float32Array>[]> {
    if (this.method.addsStates !== true || !this.feedback) return [];
    const places = ids.flatMap((row, index) =>
      row.flatMap((id, position) => {
        const state = states[index]![position];
        return state && this.#stageOfThought.has(id) ? [{ row: index, position, id, state }] : [];
      }),
    );
    const vectors = await addedInputs({ model: this.model, feedback: this.feedback, thoughts: places });
    const inputs = ids.map(() => new Map<number, Float32Array>());
    for (const [index, { row, position }] of places.entries()) inputs[row]!.set(position, vectors[index]!);
    return inputs;
  }

  /** The map that the method needs, of zeros where none is given yet. */
  #feedbackOf(given: FeedbackMap | undefined): FeedbackMap | undefined {
    if (this.method.addsStates !== true) return given;
    return given ?? FeedbackMap.createMatrix({ width: this.model.dimensions.width });
  }

  /** What was generated, as an answer: its text, stages, thoughts and counts. */
  readAnswer({
    prompt,
    ids,
    states,
    inputs,
    finished,
    before,
    continuous,
    passes,
  }: {
    /** Without the places of thoughts that were not taken. */
    prompt: number[];
    /** What was generated, the end included. */
    ids: number[];
    /** By generated token, the state that predicted it; a thought whose state there is none of is left out. */
    states: readonly Float32Array[];
    /** By position, vectors that entered in a token's place, as {@link writtenInputs} gives them. @default none */
    inputs?: ReadonlyMap<number, Float32Array>;
    finished: boolean;
    /** Thoughts that stand in the prompt. */
    before: readonly Thought[];
    /** How many of them are continuous: each is computed one after the other, as a token is, and counts as one. */
    continuous: number;
    passes: number;
  }): Answer {
    const { settings, format, tokenizer } = this;
    const content = finished ? ids.slice(0, -1) : ids;
    const text = tokenizer.decode(content, { skipSpecialTokens: false });
    const written = thoughtsAt({
      places: ids.flatMap((id, position) => {
        const thought = this.#stageOfThought.get(id);
        return thought ? [{ ...thought, position }] : [];
      }),
      // The state that predicted a token is the one before it.
      stateAt: (position) => states[position + 1],
      inputAt: (position) => inputs?.get(position) ?? ids[position]!,
      reading: settings.thoughtReading,
    });
    const thoughts = [...before, ...written];
    const stages = settings.stages.map((name, index) => {
      const count = thoughts.filter(({ stage }) => stage === name).length;
      return { name, thoughts: count, text: count > 0 ? undefined : parseStage({ text, name, index, format }) };
    });
    let tagTokens = 0;
    for (const [tag, length] of this.#tagLengths) tagTokens += (text.split(tag).length - 1) * length;
    return {
      text,
      answer: finished ? parseAnswer({ text, format }) : undefined,
      stages,
      thoughts,
      prompt,
      ids,
      tokens: {
        generated: ids.length + continuous,
        withoutTags: ids.length + continuous - tagTokens,
        thinking: before.length + ids.filter((id) => this.#stageOfThought.has(id)).length,
      },
      passes,
      finished,
    };
  }

  #contextFor({ image }: Pick<Question, 'image'>): LayoutContext {
    const context = this.layoutContext();
    return this.#pictures?.contextFor({ context, image }) ?? context;
  }

  #checkPictures(questions: readonly Question[]): void {
    const withPicture = questions.some(({ image }) => image !== undefined);
    if (withPicture && (!isMultimodal(this.model) || !this.settings.image)) {
      throw new ReasonerError({
        code: 'invalid-option',
        message: `This reasoner (${this.model.modelType}) has no vision encoder: leave the picture out, or take a model that was trained on pictures.`,
      });
    }
  }

  #checkLengths(prompts: readonly (readonly number[])[]): void {
    const longest = prompts.reduce((most, { length }) => Math.max(most, length), 0);
    const { maxPositions } = this.model.dimensions;
    if (longest >= maxPositions) {
      throw new ReasonerError({
        code: 'example-too-long',
        message: `The question takes ${longest} tokens; the model has room for ${maxPositions} in all. Ask a shorter question.`,
      });
    }
  }
}

/** The format by name. Throws `invalid-option`. */
export function formatNamed(name: string): ReasoningFormat {
  const format = ownValue(reasoningFormats, name);
  if (format) return format;
  throw new ReasonerError({
    code: 'invalid-option',
    message: `There is no reasoning format "${name}". Take one of: ${Object.keys(reasoningFormats).join(', ')}.`,
  });
}
