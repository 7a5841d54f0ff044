import { loadImageProcessor } from '@subtext/encoders';
import { endOfTextIds, isMultimodal, loadModel } from '@subtext/model';
import { Reasoner, type MethodSpecification } from '@subtext/reasoner';
import type { WeightDtype } from '@subtext/tensor';
import { loadTokenizer } from '@subtext/tokenizer';

import { TrainerError } from '../errors';

/**
 * A Hugging Face checkpoint as a reasoner that has not learnt to think yet: its own tokenizer, end of text and picture
 * processor; sequences begin as the tokenizer begins them.
 */
export async function openCheckpoint({
  folder,
  dtype,
  method,
  imagePosition,
  thoughtReading,
  onNote,
}: {
  folder: string;
  /** As in `loadModel`. @default 'float32' */
  dtype?: WeightDtype;
  method: MethodSpecification;
  /** Whether a picture stands before the question or after it. */
  imagePosition: 'before' | 'after';
  /** Where a thought's state is read. */
  thoughtReading: 'before' | 'at';
  /** Told what a person should know of the folder. */
  onNote?: (note: string) => void;
}): Promise<Reasoner> {
  const tokenizer = await loadTokenizer({ folder });
  const model = await loadModel({ folder, dtype, onNote: (note) => onNote?.(`${folder}: ${note}`) });
  const endId = tokenizer.endId ?? endOfTextIds({ model })[0];
  if (endId === undefined)
    throw new TrainerError({
      code: 'invalid-option',
      message: `${folder} names no token that ends a text: give its tokenizer_config.json an eos_token.`,
    });
  // What the tokenizer puts around nothing: `<s>` for Llama, nothing for GPT-2.
  const prefix = tokenizer.encode('').ids.filter((id) => id !== endId || id === tokenizer.beginId);
  return new Reasoner({
    model,
    tokenizer,
    processor: isMultimodal(model) ? await loadImageProcessor({ folder }) : undefined,
    settings: {
      format: 1,
      method,
      stages: [],
      hiddenStages: [],
      reasoningFormat: 'tagged',
      prefix: prefix.map((id) => tokenizer.tokenOf(id)),
      endToken: tokenizer.tokenOf(endId),
      image: isMultimodal(model)
        ? { token: tokenizer.tokenOf(model.imageTokenId), tokens: model.imageTokens, position: imagePosition }
        : undefined,
      thoughtReading,
      longestResponse: 0,
    },
  });
}
