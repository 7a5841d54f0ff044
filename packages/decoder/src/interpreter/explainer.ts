import { writeFileAtomically } from '@subtext/core/node';
import { resolveModelFolder, type HubOptions } from '@subtext/hub';
import { generate, leftPad, loadModel, saveModel } from '@subtext/model';
import { formatNamed, taggedFormat, textParts } from '@subtext/reasoner';
import { openSafetensors, writeSafetensors } from '@subtext/safetensors';
import { tf } from '@subtext/tensor';
import { loadTokenizer, type Tokenizer } from '@subtext/tokenizer';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { DecoderError } from '../errors';
import { type ExplanationContext, layoutExplanation } from './explanation-layout';
import { Interpreter } from './interpreter';
import { type InterpreterSettings, readInterpreterSettings } from './interpreter-settings';
import { Projector } from './projector';

/** A request to decode the thoughts of one stage. */
export interface ExplanationRequest {
  question: string;
  stage: string;
  /** States of the thoughts in order, each `[width]`; empty decodes from the question alone. */
  states: readonly Float32Array[];
}

/** Options of {@link Explainer.explain}. */
export interface ExplainOptions {
  requests: readonly ExplanationRequest[];
  /** @default 64 */
  batchSize?: number;
  signal?: AbortSignal;
}

/** A trained interpreter with its tokenizer: decodes thoughts to text. */
export class Explainer {
  readonly interpreter: Interpreter;
  readonly tokenizer: Tokenizer;
  readonly settings: InterpreterSettings;

  constructor({
    interpreter,
    tokenizer,
    settings,
  }: {
    interpreter: Interpreter;
    tokenizer: Tokenizer;
    settings: InterpreterSettings;
  }) {
    this.interpreter = interpreter;
    this.tokenizer = tokenizer;
    this.settings = settings;
  }

  /** Loads an interpreter from a folder or the Hub. Throws `not-an-interpreter`, and HubError. */
  static async load(options: {
    /** A folder or a Hugging Face Hub id. */
    folder: string;
    /** Hub options: revision, token, progress. */
    hub?: HubOptions;
  }): Promise<Explainer> {
    const folder = await resolveModelFolder({ ...options.hub, folder: options.folder });
    const settings = await readInterpreterSettings({ path: join(folder, 'subtext.json'), folder });
    const model = await loadModel({ folder });
    const weights = await openSafetensors({ path: join(folder, 'projector.safetensors') });
    let projector: Projector;
    try {
      const { kind, inputWidth } = settings.projector;
      // Check before allocating.
      if (!weights.names.includes('norm.weight') || weights.entry('norm.weight').shape.join() !== String(inputWidth)) {
        throw new DecoderError({
          code: 'not-an-interpreter',
          message: `${join(folder, 'projector.safetensors')} is not a projector for states of width ${inputWidth}, as given in subtext.json.`,
        });
      }
      projector = new Projector({ kind, inputWidth, outputWidth: model.dimensions.width, seed: 0 });
      for (const [name, variable] of projector.parameters.entries()) {
        const values = await weights.readFloat32(name);
        tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
      }
    } finally {
      await weights.close();
    }
    const interpreter = Interpreter.of({ name: settings.name, stages: settings.stages, model, projector });
    return new Explainer({ interpreter, tokenizer: await loadTokenizer({ folder }), settings });
  }

  /** Saves the language model as a Hugging Face folder, with the projector and `subtext.json`. */
  async save({ folder }: { folder: string }): Promise<void> {
    await mkdir(folder, { recursive: true });
    await saveModel({ model: this.interpreter.model, folder });
    await this.tokenizer.save({ folder });
    const tensors = this.interpreter.projector.parameters
      .entries()
      .map(
        async ([name, variable]) =>
          [
            name,
            { dtype: 'F32' as const, shape: variable.shape, data: (await variable.data()) as Float32Array },
          ] as const,
      );
    await writeSafetensors({
      path: join(folder, 'projector.safetensors'),
      tensors: Object.fromEntries(await Promise.all(tensors)),
    });
    await writeFileAtomically({
      path: join(folder, 'subtext.json'),
      data: `${JSON.stringify(this.settings, null, 2)}\n`,
    });
  }

  /** Settings for the layout of the interpreter's sequences. */
  context(): ExplanationContext {
    return explanationContext({ tokenizer: this.tokenizer, settings: this.settings });
  }

  /**
   * Decodes thoughts to text, greedily and in batches: all thoughts of a stage together or, if the interpreter was
   * trained on `parts`, one at a time, with the texts joined.
   */
  async explain({ requests, ...options }: ExplainOptions): Promise<string[]> {
    const each = requests.map((request) => this.partsOf({ request }));
    const texts = await this.#explainEach({
      requests: each.flatMap((parts) => parts.map((part) => part.request)),
      ...options,
    });
    return each.map((parts) =>
      texts
        .splice(0, parts.length)
        .filter((text) => text !== '' || parts.length === 1)
        .join(' '),
    );
  }

  /**
   * Splits a request as in training, with its target text: unchanged or, if the interpreter was trained on `parts`, one
   * request per thought with its part of the text. Without thoughts there is nothing to split.
   */
  partsOf({
    request,
    text,
  }: {
    request: ExplanationRequest;
    /** The stage's text. @default none */ text?: string;
  }): { request: ExplanationRequest; text?: string }[] {
    const { states } = request;
    if (this.settings.parts !== true || states.length === 0) return [{ request, text }];
    const texts = text === undefined ? [] : textParts({ text, parts: states.length });
    return states.map((state, index) => ({ request: { ...request, states: [state] }, text: texts[index] }));
  }

  async #explainEach({ requests, batchSize = 64, signal }: ExplainOptions): Promise<string[]> {
    const context = this.context();
    const texts: string[] = [];
    for (let start = 0; start < requests.length; start += batchSize) {
      signal?.throwIfAborted();
      const batch = requests.slice(start, start + batchSize);
      const layouts = batch.map(({ question, stage, states }) => {
        if (!this.settings.stages.includes(stage)) {
          throw new DecoderError({
            code: 'unknown-stage',
            message: `The interpreter "${this.settings.name}" explains ${this.settings.stages.join(', ')}, not "${stage}".`,
          });
        }
        return layoutExplanation({ question, stage, thoughts: states.length, context });
      });
      const { ids, mask, time } = leftPad({ prompts: layouts.map((layout) => layout.ids), padId: context.endId });
      const slotRows = layouts.flatMap((layout, row) =>
        layout.slots.map((slot) => (row + 1) * time - layout.ids.length + slot),
      );
      const states = batch.flatMap((request) => [...request.states]);
      const embeddings = tf.tidy(() =>
        this.interpreter.embed({
          ids,
          rows: batch.length,
          time,
          slotRows: Int32Array.from(slotRows),
          states: stateTensor({ states, width: this.settings.projector.inputWidth }),
        }),
      );
      try {
        const generation = await generate({
          model: this.interpreter.model,
          inputs: { embeddings, mask },
          maxNewTokens: Math.ceil(this.settings.longestExplanation * 1.2) + 1,
          stopIds: [context.endId],
          signal,
        });
        for (const generated of generation.ids) {
          const content = generated.at(-1) === context.endId ? generated.slice(0, -1) : generated;
          texts.push(this.tokenizer.decode(content, { skipSpecialTokens: true }));
        }
      } finally {
        embeddings.dispose();
      }
    }
    return texts;
  }

  dispose(): void {
    this.interpreter.dispose();
  }
}

/**
 * Builds the context from an interpreter's settings. Explanations open with the stage's tag if that is a single token.
 */
export function explanationContext({
  tokenizer,
  settings,
}: {
  tokenizer: Tokenizer;
  settings: Omit<InterpreterSettings, 'longestExplanation' | 'mode'>;
}): ExplanationContext {
  const format = formatNamed(taggedFormat.name);
  return {
    tokenizer,
    templates: settings.templates,
    slotId: tokenizer.idOf(settings.slotToken),
    prefix: settings.prefix.map((token) => tokenizer.idOf(token)),
    endId: tokenizer.idOf(settings.endToken),
    opening: (stage) => format.step({ name: stage, index: 0 }).open,
    withQuestion: settings.withQuestion,
  };
}

function stateTensor({ states, width }: { states: readonly Float32Array[]; width: number }): tf.Tensor2D {
  const values = new Float32Array(states.length * width);
  for (const [index, state] of states.entries()) {
    if (state.length !== width) {
      throw new DecoderError({
        code: 'width-mismatch',
        message: `A thought has width ${state.length}, but this interpreter was trained on width ${width}. Use the interpreter of the same reasoner.`,
      });
    }
    values.set(state, index * width);
  }
  return tf.tensor2d(values, [states.length, width]);
}
