import { checkMemory, initialiseWeights, type RawConfig } from '@subtext/nn';

import { buildModel } from './build-model';
import type { LanguageModel } from './language-model';

/**
 * Makes a new model with random weights, drawn as the family's authors do (normal with `initializer_range`; GPT-2's
 * residual projections narrower by √(2·layers)). The same seed gives the same weights on every engine.
 *
 * @throws ModelFolderError if the config asks for something that is not supported
 */
export function createModel({
  config,
  seed,
  memoryBudget,
}: {
  /** As a Hugging Face config.json: `{ model_type: 'llama', hidden_size: 64, … }`. Keys left out have transformers' defaults. */
  config: RawConfig;
  /** Any integer. */
  seed: number;
  /** Bytes that the weights may take as float32. Default: the machine's memory. */
  memoryBudget?: number;
}): LanguageModel {
  const { model } = buildModel({ config, path: 'config' });
  checkMemory({ structure: model.structure, path: 'config', memoryBudget });
  initialiseWeights({ structure: model.structure, seed });
  return model;
}
