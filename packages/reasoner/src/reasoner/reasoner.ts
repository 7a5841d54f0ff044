import type { ImageProcessor } from '@subtext/encoders';
import type { HubOptions } from '@subtext/hub';
import { isMultimodal, type GenerateOptions, type LanguageModel } from '@subtext/model';
import type { Tokenizer } from '@subtext/tokenizer';
import type { WeightDtype } from '@subtext/tensor';

import { PictureStore } from '../batches/picture-store';
import { ReasonerError } from '../errors';
import { FeedbackMap } from '../feedback/feedback-map';
import { createMethod } from '../methods/registry';
import { formatNamed, type ReasoningFormat } from '../methods/reasoning-format';
import type { LayoutContext, PromptSubject, ReasoningMethod } from '../methods/reasoning-method';
import { checkTakesVisibility } from '../forward/embed-batch';
import { answerInPlace } from '../recurrence/answer-in-place';
import { checkCore, checkThinking } from '../recurrence/check-core';
import { addedInputs, embedWithStates } from '../session/added-states';
import type { DecideHalting, DecideThought } from '../session/think-in-prompt';
import { checkThoughtWords } from '../session/thought-words';
import { methodVisibility } from '../visibility/method-visibility';
import { type RoleMarks, roleMarks, WrittenRoles } from '../visibility/written-roles';
import type { Answer } from './answer';
import { answerBatch } from './answer-batch';
import { AnswerReader, type WrittenResponse } from './answer-reader';
import { type EmbeddedSequences, embedSequences } from './embed-sequences';
import { readReasonerFolder, type ReasonerParts, writeReasonerFolder } from './reasoner-folder';
import type { ReasonerSettings } from './reasoner-settings';
import { unknownWords } from './unknown-words';

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
  /**
   * Decides whether a reasoner with a halting head takes one more thought (`row` is the question's place).
   * @default where the head's probability is above one half
   */
  takesThought?: DecideHalting;
  /** How often the core of a recurrent reasoner is run; more than in training is allowed. @default as its method says */
  recurrences?: number;
  /** A recurrent reasoner halts once it finds its answer right with this probability. @default it takes all its recurrences */
  haltFrom?: number;
  /** Called with each token as it is written (`row` is the question's place), thinking tokens and the end among them. */
  onToken?: GenerateOptions['onToken'];
  /** Called after each batch. */
  onProgress?: (options: { done: number; total: number }) => void;
  signal?: AbortSignal;
}

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
  readonly #reader: AnswerReader;
  /** By which the role of what is written is told; absent where all may see all. */
  readonly #marks?: RoleMarks;

  constructor({ model, tokenizer, settings, processor, feedback }: ReasonerParts) {
    this.model = model;
    this.tokenizer = tokenizer;
    this.settings = settings;
    this.method = createMethod(settings.method);
    this.format = formatNamed(settings.reasoningFormat);
    this.processor = processor;
    this.feedback = this.#feedbackOf(feedback);
    checkCore(this);
    if (settings.visibility) {
      const { visibility, stages, image } = settings;
      methodVisibility({ method: this.method, visibility, stages, image: image !== undefined });
      checkTakesVisibility(model);
      this.#marks = roleMarks({ format: this.format, method: this.method, stages, tokenizer });
    }
    if (processor) this.#pictures = new PictureStore({ processor });
    this.#reader = new AnswerReader(this);
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
    /** How the model's weights are stored, as in `loadModel`. @default 'float32' */
    dtype?: WeightDtype;
  }): Promise<Reasoner> {
    return new Reasoner(await readReasonerFolder(options));
  }

  /** Writes the folder: model, tokenizer and picture processor as Hugging Face lays them out, and `subtext.json`. */
  async save({ folder }: { folder: string }): Promise<void> {
    await writeReasonerFolder({ reasoner: this, folder });
  }

  /** What the method's layouts depend on; with an image, whose placeholders may be as many as it has tiles, that of its example. */
  layoutContext({ image }: Pick<Question, 'image'> = {}): LayoutContext {
    const { tokenizer, settings, format } = this;
    const context: LayoutContext = {
      tokenizer,
      format,
      prefix: settings.prefix.map((token) => tokenizer.idOf(token)),
      endId: tokenizer.idOf(settings.endToken),
      image: settings.image && { ...settings.image, tokenId: tokenizer.idOf(settings.image.token) },
      ...(settings.visibility && { visibility: settings.visibility }),
    };
    return this.#pictures?.contextFor({ context, image }) ?? context;
  }

  /**
   * The ids that answering each question starts from. Throws `invalid-option` for a picture that the model cannot see, or
   * whose tiles were not measured ({@link measurePictures}), and for words that no thought can be made from.
   */
  prompts(questions: readonly Question[]): number[][] {
    this.#checkPictures(questions);
    for (const { words } of questions) if (words) checkThoughtWords({ reasoner: this, words });
    return questions.map((question) =>
      this.method.prompt({ example: question, context: this.layoutContext({ image: question.image }) }),
    );
  }

  /** Finds out how many tiles the questions' pictures take, where pictures differ in that: `prompts` of such questions needs it. */
  async measurePictures(questions: readonly Question[]): Promise<void> {
    await this.#pictures?.measure(questions.map(({ image }) => image));
  }

  /**
   * Prompts, or prompts with responses begun, as vectors with their pictures in place: `[questions, time, width]`, padded
   * on the left. The caller frees `embeddings` and `forwardExtras`, which hold the attention mask of one pass over all of
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
    return embedSequences({
      model: this.model,
      padId: this.tokenizer.idOf(this.settings.endToken),
      sequences,
      answers,
      images,
      sights: this.sights({ questions, answers: answers.length > 0 ? answers : undefined }),
    });
  }

  /**
   * Which positions attend to which in what is answered to questions, for a {@link Session}; undefined where each position sees all before it.
   * The roles of prompts are known, those of tokens are told as they are fed or written.
   */
  sights({
    questions,
    answers,
    always = false,
  }: {
    questions: readonly Question[];
    /** By question: what it was answered, if it is fed again; thoughts that it did not take are not there. @default none */
    answers?: readonly Pick<Answer, 'prompt'>[];
    /** Also where each position sees all before it, for the roles; of methods that tell them. @default false */
    always?: boolean;
  }): WrittenRoles[] | undefined {
    const { stages } = this.settings;
    const open = always && this.method.promptRoles !== undefined && this.format.joined !== true;
    const marks = this.#marks ?? (open ? roleMarks({ ...this, stages }) : undefined);
    const table = this.settings.visibility ?? (open ? {} : undefined);
    if (!marks || !table) return undefined;
    return questions.map((example, row) => {
      const place = { example, stages, context: this.layoutContext({ image: example.image }) };
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
    return unknownWords({ tokenizer: this.tokenizer, text });
  }

  /** Answers questions, batch by batch. A question's answer does not depend on those beside it. */
  async think({
    questions,
    batchSize = 64,
    maxNewTokens,
    temperature = 0,
    seed = 0,
    nextInput,
    takesThought,
    recurrences,
    haltFrom,
    onToken,
    onProgress,
    signal,
  }: ThinkOptions): Promise<Answer[]> {
    this.#checkPictures(questions);
    checkThinking({ method: this.method, temperature, nextInput, takesThought, recurrences, haltFrom });
    const answers: Answer[] = [];
    for (let start = 0; start < questions.length; start += batchSize) {
      signal?.throwIfAborted();
      const batch = questions.slice(start, start + batchSize);
      await this.measurePictures(batch);
      const asked = {
        reasoner: this,
        questions: batch,
        start,
        maxNewTokens,
        temperature,
        seed,
        nextInput,
        takesThought,
        onToken,
        signal,
      };
      answers.push(
        ...(await (this.method.recurrences === undefined
          ? answerBatch(asked)
          : answerInPlace({ reasoner: this, questions: batch, recurrences, haltFrom, signal }))),
      );
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
      isThought: (id) => this.#reader.isThought(id),
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
        return state && this.#reader.isThought(id) ? [{ row: index, position, id, state }] : [];
      }),
    );
    const inputs = ids.map(() => new Map<number, Float32Array>());
    const vectors = await addedInputs({ model: this.model, feedback: this.feedback, thoughts: places });
    for (const [index, { row, position }] of places.entries()) inputs[row]!.set(position, vectors[index]!);
    return inputs;
  }

  /** The map that the method needs; where none is given yet, a matrix is of zeros, a latent head drawn. */
  #feedbackOf(given: FeedbackMap | undefined): FeedbackMap | undefined {
    if (this.method.mixesEmbeddings === true) return FeedbackMap.createMixture({ model: this.model });
    if (this.method.latentHead === true) return given ?? FeedbackMap.createHead({ model: this.model, seed: 0 });
    if (this.method.addsStates !== true) return given;
    return given ?? FeedbackMap.createMatrix({ width: this.model.dimensions.width });
  }

  /** What was generated, as an answer: its text, stages, thoughts and counts. */
  readAnswer(written: WrittenResponse): Answer {
    return this.#reader.read(written);
  }

  #checkPictures(questions: readonly Question[]): void {
    if (!questions.some(({ image }) => image !== undefined)) return;
    if (!isMultimodal(this.model) || !this.settings.image) {
      throw new ReasonerError({
        code: 'invalid-option',
        message: `This reasoner (${this.model.modelType}) has no vision encoder: leave the picture out, or take a model that was trained on pictures.`,
      });
    }
  }

  #checkLengths(prompts: readonly (readonly number[])[]): void {
    const longest = prompts.reduce((most, { length }) => Math.max(most, length), 0);
    const { maxPositions } = this.model.dimensions;
    if (longest < maxPositions) return;
    throw new ReasonerError({
      code: 'example-too-long',
      message: `The question takes ${longest} tokens; the model has room for ${maxPositions} in all. Ask a shorter question.`,
    });
  }
}
