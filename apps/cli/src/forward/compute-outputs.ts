import type { StandaloneVisionEncoder } from '@subtext/encoders';
import type { LanguageModel } from '@subtext/model';
import type { TensorToWrite } from '@subtext/safetensors';
import { tf } from '@subtext/tensor';
import { UsageError } from '@subtext/terminal';

import { embedInputs } from './embed-inputs';
import type { AnyModel } from './open-any-model';
import { checkAgreement, type ModelInputs } from './read-inputs';

/** Outputs by the names that transformers gives them: `hidden_states.0` to `hidden_states.L`, `logits`, … */
export type ModelOutputs = Record<string, TensorToWrite>;

/** One pass through a model. */
export async function computeOutputs({
  opened,
  inputs,
}: {
  opened: AnyModel;
  inputs: ModelInputs;
}): Promise<ModelOutputs> {
  const tensors =
    opened.kind === 'vision'
      ? encodePictures({ encoder: opened.encoder, inputs })
      : runModel({ model: opened.model, inputs });
  const outputs: ModelOutputs = {};
  for (const [name, tensor] of Object.entries(tensors)) {
    outputs[name] = { dtype: 'F32', shape: [...tensor.shape], data: (await tensor.data()) as Float32Array };
    tensor.dispose();
  }
  return outputs;
}

function encodePictures({
  encoder,
  inputs,
}: {
  encoder: StandaloneVisionEncoder;
  inputs: ModelInputs;
}): Record<string, tf.Tensor> {
  const { pixel_values: pixelValues, pixel_attention_mask: mask } = inputs;
  if (!pixelValues) throw new UsageError('The inputs have no pixel_values.');
  return tf.tidy(() => {
    const { lastHiddenState, hiddenStates, poolerOutput } = encoder.encode({
      pixelValues,
      pixelAttentionMask: mask,
      outputHiddenStates: true,
    });
    return distinct({
      last_hidden_state: lastHiddenState,
      ...(poolerOutput ? { pooler_output: poolerOutput } : {}),
      ...numbered(hiddenStates!),
    });
  });
}

function runModel({ model, inputs }: { model: LanguageModel; inputs: ModelInputs }): Record<string, tf.Tensor> {
  const { batch, time } = checkAgreement(inputs);
  return tf.tidy(() => {
    const { embeddings, forwardExtras } = embedInputs({ model, inputs });
    const { attention_mask: mask, position_ids: positions } = inputs;
    const { hidden, hiddenStates } = model.forward({
      ...forwardExtras,
      embeddings,
      mask: mask ? tf.tensor2d(mask.data, [batch, time], 'int32') : null,
      positions: positions
        ? (tf.tile(tf.tensor2d(positions.data, positions.shape as [number, number], 'int32'), [
            batch / positions.shape[0]!,
            1,
          ]) as tf.Tensor2D)
        : null,
      largestPosition: positions?.data.reduce((largest, position) => Math.max(largest, position), 0),
      outputHiddenStates: true,
    });
    return distinct({ logits: model.logits(hidden), last_hidden_state: hidden, ...numbered(hiddenStates!) });
  });
}

function numbered(states: readonly tf.Tensor[]): Record<string, tf.Tensor> {
  return Object.fromEntries(states.map((state, index) => [`hidden_states.${index}`, state]));
}

/** A state that has two names becomes two tensors, so that each can be freed. */
function distinct(tensors: Record<string, tf.Tensor>): Record<string, tf.Tensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tf.clone(tensor)]));
}
