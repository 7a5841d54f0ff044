import { isMultimodal, type EmbeddedInputs, type ImageInputs, type LanguageModel } from '@subtext/model';
import { tf } from '@subtext/tensor';
import { UsageError } from '@subtext/terminal';

import type { ModelInputs, Numbers } from './read-inputs';

/** Pictures, and what an architecture needs beside them; undefined where there is no picture. */
function imageInputs({
  pixel_values: pixels,
  pixel_attention_mask: pixelMask,
  aspect_ratio_ids: ratios,
  aspect_ratio_mask: ratioMask,
  cross_attention_mask: crossMask,
}: ModelInputs): ImageInputs | undefined {
  if (pixels)
    return { pixelValues: pixels, pixelAttentionMask: pixelMask, aspectRatioIds: ratios, aspectRatioMask: ratioMask };
  const alone = Object.entries({
    pixel_attention_mask: pixelMask,
    aspect_ratio_ids: ratios,
    aspect_ratio_mask: ratioMask,
    cross_attention_mask: crossMask,
  }).filter(([, value]) => value !== undefined);
  if (alone.length > 0)
    throw new UsageError(`The inputs have ${alone.map(([name]) => name).join(', ')} without pixel_values.`);
  return undefined;
}

function checkIds(ids: Numbers<Int32Array>, model: LanguageModel): void {
  const count = model.tokenEmbedding.count;
  const place = ids.data.findIndex((id) => id < 0 || id >= count);
  if (place < 0) return;
  const time = ids.shape[1]!;
  throw new UsageError(
    `input_ids[${Math.floor(place / time)}, ${place % time}] is ${ids.data[place]}; this model's ids are 0 to ${count - 1}.`,
  );
}

/**
 * Ids and pictures as the vectors that go into `forward`. Without `cross_attention_mask` every position of an Mllama
 * sees every tile, as in transformers. The tensors belong to the caller's scope.
 */
export function embedInputs({ model, inputs }: { model: LanguageModel; inputs: ModelInputs }): EmbeddedInputs {
  const { input_ids: ids, inputs_embeds: embeds, cross_attention_mask: crossMask } = inputs;
  const images = imageInputs(inputs);
  if (ids) checkIds(ids, model);
  const idsTensor = ids && tf.tensor2d(ids.data, ids.shape as [number, number], 'int32');
  if (embeds) {
    const { width } = model.dimensions;
    if (embeds.shape[2] !== width)
      throw new UsageError(`inputs_embeds is [${embeds.shape.join(', ')}]; this model's vectors are ${width} wide.`);
    const embeddings = tf.tensor3d(embeds.data, embeds.shape as [number, number, number]);
    if (!images) return { embeddings, forwardExtras: {} };
    if (!isMultimodal(model) || model.modelType !== 'mllama')
      throw new UsageError(
        'This model takes images at token positions: give input_ids with pixel_values, or put the image features into inputs_embeds.',
      );
    // Mllama's pictures stand beside the words, so that no id is looked at.
    const placeholder = tf.zeros([embeds.shape[0]!, embeds.shape[1]!], 'int32') as tf.Tensor2D;
    return {
      embeddings,
      forwardExtras: model.embedInputs({ ids: placeholder, images, crossAttentionMask: crossMask ?? null })
        .forwardExtras,
    };
  }
  if (isMultimodal(model)) return model.embedInputs({ ids: idsTensor!, images, crossAttentionMask: crossMask ?? null });
  return { embeddings: model.embed(idsTensor!), forwardExtras: {} };
}
