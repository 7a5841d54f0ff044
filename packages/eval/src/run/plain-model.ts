import type { ReasoningExample } from '@subtext/data';
import { loadImageProcessor, type ImageProcessor } from '@subtext/encoders';
import {
  endOfTextIds,
  generate,
  isMultimodal,
  leftPad,
  loadModel,
  type EmbeddedInputs,
  type LanguageModel,
  type MultimodalModel,
} from '@subtext/model';
import { PictureStore } from '@subtext/reasoner';
import { tf, type WeightDtype } from '@subtext/tensor';
import { loadTokenizer, type ChatMessage, type Tokenizer } from '@subtext/tokenizer';

import { EvaluationError } from '../errors';
import type { AnsweringModel } from './evaluate-task';
import { sampleSeed } from './sample-seed';

/** Options of {@link plainModel}. */
export interface PlainModelOptions {
  model: LanguageModel;
  tokenizer: Tokenizer;
  /** How pictures are prepared. @default none: questions with pictures are refused */
  processor?: ImageProcessor;
  /** Most tokens of a response. @default 512 */
  maximumTokens?: number;
  /** @default 0: greedy */
  temperature?: number;
  /** Of the draws. @default 0 */
  seed?: number;
  /** Stops generation. */
  signal?: AbortSignal;
}

/** Families whose pictures take one row of image tokens each, written into the prompt. */
const plainPictures = new Set(['llava']);

/**
 * A Hugging Face model as it is, without thoughts, as a model that answers a task's questions: the baseline that comes
 * from elsewhere. Asked through its chat template, else as `Question: … Answer:`; the whole response is what the task
 * reads its answer from. Drawn answers have a seed each, as {@link reasonerModel}'s have.
 *
 * @throws EvaluationError task-model-mismatch for a picture that it cannot be shown
 */
export function plainModel({
  model,
  tokenizer,
  processor,
  maximumTokens = 512,
  temperature = 0,
  seed = 0,
  signal,
}: PlainModelOptions): AnsweringModel {
  const pictures = processor && new PictureStore({ processor });
  const stopIds = [
    ...new Set([...endOfTextIds({ model }), ...(tokenizer.endId === undefined ? [] : [tokenizer.endId])]),
  ];

  async function answerGroup({
    examples,
    prompts,
    drawSeed,
  }: {
    examples: readonly ReasoningExample[];
    prompts: readonly string[];
    drawSeed: number;
  }) {
    const ids = examples.map(({ image }, index) =>
      promptIds({ model, tokenizer, text: prompts[index] as string, hasImage: image !== undefined }),
    );
    const { ids: padded, mask, time } = leftPad({ prompts: ids });
    const rows = ids.map((_, row) => padded.subarray(row * time, (row + 1) * time));
    const images = examples.flatMap(({ image }) => (image === undefined ? [] : [image]));
    let inputs: EmbeddedInputs | undefined;
    if (images.length > 0) {
      if (pictures === undefined || !isMultimodal(model)) throw takesNoPictures(model);
      const prepared = await pictures.prepare(examples.map(({ image }) => image));
      inputs = tf.tidy(
        () => model.embedInputs({ ids: rows, images: prepared }) as unknown as tf.TensorContainerObject,
      ) as unknown as EmbeddedInputs;
    }
    try {
      const generation = await generate({
        model,
        inputs: inputs ? { ...inputs, mask } : ids,
        maxNewTokens: maximumTokens,
        stopIds,
        temperature,
        seed: drawSeed,
        signal,
      });
      // What was cut short by the signal is no answer.
      signal?.throwIfAborted();
      return generation.ids.map((written, row) => {
        const output = tokenizer.decode(written, { skipSpecialTokens: true }).trim();
        return {
          output,
          answer: output === '' ? null : output,
          generatedTokens: written.length,
          generatedTokensWithoutTags: written.length,
          thoughts: 0,
          forwardPasses: generation.passes[row] as number,
        };
      });
    } finally {
      if (inputs) tf.dispose(inputs as unknown as tf.TensorContainer);
    }
  }

  return {
    async answer({ examples, prompts }) {
      if (temperature === 0) return answerGroup({ examples, prompts, drawSeed: 0 });
      const answers: Awaited<ReturnType<typeof answerGroup>> = [];
      for (const [index, example] of examples.entries()) {
        answers.push(
          ...(await answerGroup({
            examples: [example],
            prompts: [prompts[index] as string],
            drawSeed: sampleSeed({ seed, id: example.id }),
          })),
        );
      }
      return answers;
    },
  };
}

/** Loads what {@link plainModel} needs from a Hugging Face folder or from the hub. The caller disposes of `model`. */
export async function loadPlainModel({
  folder,
  dtype,
}: {
  /** A folder, or an id of the Hugging Face Hub. */
  folder: string;
  /** How its weights are stored, as in `loadModel`. @default 'float32' */
  dtype?: WeightDtype;
}): Promise<Pick<PlainModelOptions, 'model' | 'tokenizer' | 'processor'>> {
  const tokenizer = await loadTokenizer({ folder });
  const model = await loadModel({ folder, dtype, trainable: false });
  return { tokenizer, model, processor: plainModelSees(model) ? await loadImageProcessor({ folder }) : undefined };
}

/** Whether {@link plainModel} can show a model pictures. */
export function plainModelSees(model: LanguageModel): boolean {
  return isMultimodal(model) && plainPictures.has(model.modelType);
}

/** The question as the model's chat template writes it, with room for its picture. */
function promptIds({
  model,
  tokenizer,
  text,
  hasImage,
}: {
  model: LanguageModel;
  tokenizer: Tokenizer;
  text: string;
  hasImage: boolean;
}): number[] {
  if (hasImage && !plainModelSees(model)) throw takesNoPictures(model);
  const imageTokenId = hasImage ? (model as MultimodalModel).imageTokenId : undefined;
  const image = imageTokenId === undefined ? '' : tokenizer.decode([imageTokenId], { skipSpecialTokens: false });
  const templated = tokenizer.chatTemplateNames.includes('default');
  const written = templated
    ? chat({ tokenizer, text, image })
    : `${image === '' ? '' : `${image}\n`}Question: ${text}\nAnswer:`;
  const { ids } = tokenizer.encode(written, { addSpecialTokens: !templated });
  if (imageTokenId === undefined) return [...ids];
  const count = (model as MultimodalModel).imageTokens;
  return ids.flatMap((id) => (id === imageTokenId ? new Array<number>(count).fill(id) : [id]));
}

/** Templates of vision models take a list of parts; older ones take text with the picture's mark in it. */
function chat({ tokenizer, text, image }: { tokenizer: Tokenizer; text: string; image: string }): string {
  const asked = (content: ChatMessage['content']) => tokenizer.applyChatTemplate([{ role: 'user', content }]);
  if (image === '') return asked(text);
  const written = asked([{ type: 'image' }, { type: 'text', text }]);
  return written.includes(image) && written.includes(text) ? written : asked(`${image}\n${text}`);
}

function takesNoPictures(model: LanguageModel): EvaluationError {
  return new EvaluationError({
    code: 'task-model-mismatch',
    message: isMultimodal(model)
      ? `Pictures of a ${model.modelType} model without Subtext's own training cannot be laid out here yet; take a LLaVA folder, or train a reasoner from it first.`
      : `A ${model.modelType} model takes no pictures; choose a task without pictures or a vision model.`,
  });
}
