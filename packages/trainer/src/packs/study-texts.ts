import { generate } from '@subtext/model';
import { documentPack, PackedModel, packedReasoner, type Reasoner, type ThoughtPosition } from '@subtext/reasoner';
import type { LanguageModel } from '@subtext/model';
import { RandomStream } from '@subtext/tensor';

import { TrainerError } from '../errors';

/** A text that follows the document in self-study. */
export interface StudyText {
  ids: readonly number[];
  /** Tokens before this one are given; it and those after it are what is learnt. */
  from: number;
  /** Where in it thoughts lie that are not written but fed back. @default none */
  thoughts?: readonly ThoughtPosition[];
}

/**
 * What a reasoner that has read a document answers to questions, for self-study of the document: each question with the
 * answer, of which every token is learnt. Continuous thoughts are thought anew, with the document and with the pack.
 *
 * @throws TrainerError `empty-set` without questions; `invalid-option` for a method whose thoughts are made of more than the
 * state before them
 */
export async function studyAnswers({
  reasoner,
  document,
  questions,
  signal,
}: {
  reasoner: Reasoner;
  /** The document's tokens. */ document: readonly number[];
  questions: readonly string[];
  signal?: AbortSignal;
}): Promise<StudyText[]> {
  const { method, settings } = reasoner;
  if (questions.length === 0)
    throw new TrainerError({ code: 'empty-set', message: 'There is no question to study the document by.' });
  if (
    reasoner.feedback !== undefined ||
    method.addsStates === true ||
    method.mixesEmbeddings === true ||
    method.halting !== undefined
  )
    throw new TrainerError({
      code: 'invalid-option',
      message: `A reasoner of the method "${method.name}" makes its thoughts of more than the state before them, or takes more of them or fewer, which self-study does not follow. Leave the questions out: the model then goes on from the document's own words.`,
    });
  const packed = await packedReasoner({
    reasoner,
    packs: [await documentPack({ model: reasoner.model, ids: document })],
  });
  try {
    const answers = await packed.think({ questions: questions.map((question) => ({ question })), signal });
    return answers.map(({ prompt, ids }, index) => {
      const example = { question: questions[index]! };
      const { stages } = settings;
      const thoughts = method.promptThoughts?.({ example, stages, context: packed.layoutContext() });
      return { ids: [...prompt, ...ids], from: prompt.length, ...(thoughts && { thoughts }) };
    });
  } finally {
    (packed.model as PackedModel).disposePacks();
  }
}

export interface StudyContinuationsOptions {
  model: LanguageModel;
  /** The document's tokens. */
  document: readonly number[];
  /** How many texts. @default 256 */
  count?: number;
  /** Tokens of the document that a text begins with, drawn from anywhere in it. @default 8 */
  given?: number;
  /** Tokens that the model adds. @default 24 */
  written?: number;
  /** @default 1 */
  temperature?: number;
  /** Tokens that end a text. @default none */
  stopIds?: readonly number[];
  /** @default 0 */
  seed?: number;
  signal?: AbortSignal;
}

/**
 * What a model that has read a document writes after some of its words again, for self-study of the document by any language
 * model. All tokens but the first are learnt.
 *
 * @throws TrainerError `invalid-option` where there is no room for a text beside the document
 */
export async function studyContinuations({
  model,
  document,
  count = 256,
  given = 8,
  written = 24,
  temperature = 1,
  stopIds = [],
  seed = 0,
  signal,
}: StudyContinuationsOptions): Promise<StudyText[]> {
  const random = new RandomStream({ seed, name: 'self-study' });
  const packed = await PackedModel.open({ model, packs: [await documentPack({ model, ids: document })] });
  const room = packed.dimensions.maxPositions;
  const length = Math.min(given, document.length, room - 1);
  if (length < 1) {
    packed.disposePacks();
    throw new TrainerError({
      code: 'invalid-option',
      message: `The document takes ${document.length} of the model's ${model.dimensions.maxPositions} positions, which leaves no room to study it. Make packs of its parts, and give them all.`,
    });
  }
  try {
    const texts: StudyText[] = [];
    for (let batch = 0; texts.length < count; batch++) {
      signal?.throwIfAborted();
      const inputs = Array.from({ length: Math.min(32, count - texts.length) }, () => {
        const start = random.integer(document.length - length + 1);
        return document.slice(start, start + length);
      });
      const { ids } = await generate({
        model: packed,
        inputs,
        maxNewTokens: Math.min(written, room - length),
        temperature,
        stopIds,
        seed: seed + batch,
        signal,
      });
      texts.push(...inputs.map((own, row) => ({ ids: [...own, ...ids[row]!], from: 1 })));
    }
    return texts;
  } finally {
    packed.disposePacks();
  }
}
