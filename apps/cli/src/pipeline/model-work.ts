import type { EngineWork } from '@subtext/tensor';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import type { TrainConfiguration } from '../configuration/schema';

/** Positions of an example, where nothing is known of the data. */
const positionsOfAnExample = 64;

/** What running a saved model over so many positions takes, for the choice of an engine; undefined where no weights lie in the folder. */
export async function modelWork({
  folder,
  positions,
}: {
  folder: string;
  positions: number;
}): Promise<EngineWork | undefined> {
  const names = await readdir(folder).catch(() => []);
  const sizes = await Promise.all(
    names
      .filter((name) => name.endsWith('.safetensors'))
      .map((name) =>
        stat(join(folder, name)).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
  );
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  return bytes === 0 ? undefined : { parameters: bytes / 4, positions };
}

/** What a training run takes, roughly: only its magnitude counts. Undefined where that is not to be seen beforehand, as with pictures. */
export async function trainingWork({
  model,
  training,
  data,
}: Pick<TrainConfiguration, 'model' | 'training' | 'data'>): Promise<EngineWork | undefined> {
  if (data.images) return undefined;
  const steps = Object.values(training).reduce<number>(
    (sum, part) =>
      sum +
      (typeof part === 'object' && part !== null && 'steps' in part && typeof part.steps === 'number' ? part.steps : 0),
    0,
  );
  const positions = steps * training.batchSize * positionsOfAnExample;
  const parameters = model.new
    ? newModelParameters(model.new)
    : (await modelWork({ folder: model.from ?? '', positions }))?.parameters;
  return parameters === undefined || positions === 0 ? undefined : { parameters, positions, trains: true };
}

/** Of a decoder of the usual kind: twelve squares of its width a layer, and a small vocabulary. */
function newModelParameters(config: Readonly<Record<string, unknown>>): number | undefined {
  const [width, layers] = [config.hidden_size ?? config.n_embd, config.num_hidden_layers ?? config.n_layer];
  return typeof width === 'number' && typeof layers === 'number' ? 12 * layers * width ** 2 + 512 * width : undefined;
}
