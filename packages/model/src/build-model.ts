import { collectNotes, ModelStructure, type RawConfig } from '@subtext/nn';
import { Parameters } from '@subtext/tensor';

import type { ModelFamily } from './families/model-family';
import { findFamily } from './families/registry';
import type { LanguageModel } from './language-model';

/**
 * Builds a model from its config, which is copied, without parameter values. Notes about the config are in
 * `structure.notes`.
 */
export function buildModel({ config, path }: { config: RawConfig; path: string }): {
  model: LanguageModel;
  family: ModelFamily;
} {
  const family = findFamily({ modelType: config.model_type, path });
  const structure = new ModelStructure({ parameters: new Parameters() });
  const { result: model, notes } = collectNotes(() =>
    family.build({ config: structuredClone(config), structure, path }),
  );
  structure.notes.push(...notes);
  return { model, family };
}
