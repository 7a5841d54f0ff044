import { endOfTextIds, generate, type EmbeddedInputs, type LanguageModel } from '@subtext/model';
import { tf } from '@subtext/tensor';
import { UsageError } from '@subtext/terminal';

import { embedInputs } from './embed-inputs';
import { checkAgreement, type ModelInputs, type Numbers } from './read-inputs';

/**
 * Writes on from a batch of inputs, greedily, as transformers' `generate` does: rows end with an end-of-text id and are
 * filled up to the longest one.
 *
 * @returns `[batch, time + new]`, the prompts and what follows; after `inputs_embeds`, only what follows
 */
export async function generateFromInputs({
  model,
  inputs,
  maxNewTokens,
  stopAtEnd = true,
  signal,
}: {
  model: LanguageModel;
  inputs: ModelInputs;
  maxNewTokens: number;
  /** Whether a row ends with the model's end-of-text id. @default true */
  stopAtEnd?: boolean;
  signal?: AbortSignal;
}): Promise<Numbers<Int32Array>> {
  const { batch, time } = checkAgreement(inputs);
  const { attention_mask: mask, input_ids: ids } = inputs;
  const rows = mask && Array.from({ length: batch }, (_, row) => mask.data.subarray(row * time, (row + 1) * time));
  const right = rows?.findIndex((row) => row.at(-1) === 0) ?? -1;
  if (right >= 0)
    throw new UsageError(
      `attention_mask ends row ${right} with padding; what is generated follows the last position, so pad on the left.`,
    );
  const stopIds = stopAtEnd ? endOfTextIds({ model }) : [];
  const embedded = tf.tidy((() =>
    embedInputs({ model, inputs })) as unknown as () => tf.TensorContainer) as unknown as EmbeddedInputs;
  try {
    const generation = await generate({
      model,
      inputs: { ...embedded, mask: rows ?? null },
      maxNewTokens,
      stopIds,
      signal,
    });
    signal?.throwIfAborted();
    return gather({ prompts: ids, generated: generation.ids, padId: paddingId(model) ?? stopIds[0] ?? 0 });
  } finally {
    tf.dispose([
      embedded.embeddings,
      ...(embedded.forwardExtras.crossAttention ? [embedded.forwardExtras.crossAttention.states] : []),
    ]);
  }
}

/** Prompts and continuations side by side. */
function gather({
  prompts,
  generated,
  padId,
}: {
  prompts?: Numbers<Int32Array>;
  generated: readonly (readonly number[])[];
  padId: number;
}): Numbers<Int32Array> {
  const before = prompts?.shape[1] ?? 0;
  const width = before + Math.max(...generated.map(({ length }) => length));
  const data = new Int32Array(generated.length * width).fill(padId);
  for (const [row, continuation] of generated.entries()) {
    if (prompts) data.set(prompts.data.subarray(row * before, (row + 1) * before), row * width);
    data.set(continuation, row * width + before);
  }
  return { data, shape: [generated.length, width] };
}

/** `pad_token_id`, where the folder names one. */
function paddingId(model: LanguageModel): number | undefined {
  const id = model.generationConfig?.pad_token_id ?? model.config.pad_token_id;
  return typeof id === 'number' && id >= 0 ? id : undefined;
}
