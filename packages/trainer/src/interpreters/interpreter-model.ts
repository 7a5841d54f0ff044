import { createModel, type LanguageModel, loadModel, textModelOf } from '@subtext/model';
import type { Reasoner } from '@subtext/reasoner';
import type { Tokenizer } from '@subtext/tokenizer';

import type { InterpreterOptions } from './interpreter-options';

/** The language model that an interpreter starts from. */
export async function openInterpreterModel({
  from,
  reasoner,
  tokenizer,
  seed,
}: {
  from: NonNullable<InterpreterOptions['model']>;
  reasoner: Reasoner;
  tokenizer: Tokenizer;
  seed: number;
}): Promise<LanguageModel> {
  if (from.kind === 'reasoner') return textModelOf({ model: reasoner.model });
  if (from.kind === 'folder') return loadModel({ folder: from.folder });
  // Made to fit the reasoner's tokenizer.
  return createModel({
    config: {
      ...from.config,
      vocab_size: tokenizer.vocabularySize,
      bos_token_id: tokenizer.beginId,
      eos_token_id: tokenizer.endId,
      pad_token_id: tokenizer.paddingId,
    },
    seed,
  });
}
