import { ownValue } from '@subtext/core';
import { loadVisionEncoder, type StandaloneVisionEncoder } from '@subtext/encoders';
import { isMultimodal, loadModel, supportedModelTypes, type LanguageModel } from '@subtext/model';
import { readConfig } from '@subtext/nn';
import type { WeightDtype } from '@subtext/tensor';

import type { InputName } from './read-inputs';

/** What a folder holds: a model that writes, or an encoder that sees. */
export type AnyModel =
  | { kind: 'language'; model: LanguageModel; inputs: readonly InputName[] }
  | { kind: 'vision'; encoder: StandaloneVisionEncoder; inputs: readonly InputName[] };

const textInputs: readonly InputName[] = ['input_ids', 'attention_mask', 'position_ids', 'inputs_embeds'];

/** The inputs for pictures that an architecture takes beside `pixel_values`. */
const pictureInputs: Record<string, readonly InputName[]> = {
  idefics3: ['pixel_attention_mask'],
  smolvlm: ['pixel_attention_mask'],
  mllama: ['aspect_ratio_ids', 'aspect_ratio_mask', 'cross_attention_mask'],
  idefics3_vision: ['pixel_attention_mask'],
  smolvlm_vision: ['pixel_attention_mask'],
};

/** Loads what a Hugging Face folder holds, frozen. An unknown `model_type` is refused by name. */
export async function openAnyModel({
  folder,
  dtype,
}: {
  folder: string;
  /** How a language model's weights are stored, as in `loadModel`. @default 'float32' */ dtype?: WeightDtype;
}): Promise<AnyModel> {
  const { model_type: modelType } = await readConfig({ folder });
  const pictures: readonly InputName[] = ['pixel_values', ...(ownValue(pictureInputs, modelType) ?? [])];
  // What neither part of Subtext knows is refused by the language models, whose list is the longer one.
  if (!supportedModelTypes().includes(modelType) && /clip|siglip|vision/.test(modelType))
    return { kind: 'vision', encoder: await loadVisionEncoder({ folder, trainable: false }), inputs: pictures };
  const model = await loadModel({ folder, dtype, trainable: false });
  return { kind: 'language', model, inputs: isMultimodal(model) ? [...textInputs, ...pictures] : textInputs };
}
