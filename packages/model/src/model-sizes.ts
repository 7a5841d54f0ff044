import type { RawConfig } from '@subtext/nn';

import { buildModel } from './build-model';

/**
 * A model's dimensions and parameter count from its config, without allocating weights.
 *
 * @throws ModelFolderError if the config requires something unsupported
 */
export function modelSizes({
  config,
  path = 'config',
}: {
  /** A Hugging Face config. */
  config: RawConfig;
  /** The folder, for error messages. Default none. */
  path?: string;
}): { parameters: number } {
  const { model } = buildModel({ config, path });
  const parameters = [...model.structure.declarations.values()].reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
  return { parameters };
}
