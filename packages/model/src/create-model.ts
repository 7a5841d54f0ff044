import { checkMemory, initialiseWeights, type RawConfig } from '@subtext/nn';

import { buildModel } from './build-model';
import type { LanguageModel } from './language-model';

/**
 * Creates a model with random weights, initialised as in the original family (normal with `initializer_range`; GPT-2's
 * residual projections scaled by 1/√(2·layers)). The same seed gives the same weights on every engine.
 *
 * @throws ModelFolderError if the config requires something unsupported
 */
export function createModel({
  config,
  seed,
  memoryBudget,
}: {
  /** A Hugging Face config: `{ model_type: 'llama', hidden_size: 64, … }`. Missing keys take transformers' defaults. */
  config: RawConfig;
  /** Any integer. */
  seed: number;
  /** Memory limit for the weights in bytes, as float32. Default: the machine's memory. */
  memoryBudget?: number;
}): LanguageModel {
  const { model } = buildModel({ config, path: 'config' });
  checkMemory({ structure: model.structure, path: 'config', memoryBudget });
  initialiseWeights({ structure: model.structure, seed });
  return model;
}
