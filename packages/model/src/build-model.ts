import { ModelFolderError, ModelStructure, type RawConfig } from '@subtext/encoders';
import { engineName, Parameters } from '@subtext/tensor';
import type { ModelFamily } from './families/model-family';
import { findFamily } from './families/registry';
import type { LanguageModel } from './language-model';

/** The most bytes of weights that an engine can hold: tfjs's wasm memory ends at 4 GiB, and the work needs room beside them. */
const engineLimits: Readonly<Record<string, number>> = { wasm: 3.5 * 2 ** 30 };

/** Puts a model together from its config, of which it keeps a copy, without values for its parameters. */
export function buildModel({ config, path }: { config: RawConfig; path: string }): { model: LanguageModel; family: ModelFamily } {
  const family = findFamily({ modelType: config.model_type, path });
  const structure = new ModelStructure({ parameters: new Parameters() });
  const model = family.build({ config: structuredClone(config), structure, path });
  const bytes = [...structure.declarations.values()].reduce((sum, { shape }) => sum + 4 * shape.reduce((product, size) => product * size, 1), 0);
  const engine = engineName();
  const limit = engineLimits[engine];
  if (limit !== undefined && bytes > limit) {
    throw new ModelFolderError({
      code: 'does-not-fit',
      path,
      message: `the weights need ${(bytes / 2 ** 30).toFixed(1)} GiB in float32, and the engine ${engine} holds at most ${(limit / 2 ** 30).toFixed(1)}. Use the engine tensorflow, which has all of the machine's memory.`,
    });
  }
  return { model, family };
}
