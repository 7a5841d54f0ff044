import type { RawConfig } from '@subtext/nn';

import { buildModel } from './build-model';

/**
 * How large a model is, from its config alone: nothing is allocated for its weights.
 *
 * @throws ModelFolderError if the config asks for something that is not supported
 */
export function modelSizes({
  config,
  path = 'config',
}: {
  /** As a Hugging Face config.json. */
  config: RawConfig;
  /** The folder, for errors. Default none. */
  path?: string;
}): { parameters: number } {
  const { model } = buildModel({ config, path });
  const parameters = [...model.structure.declarations.values()].reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
  return { parameters };
}
