import { describeEngines, useEngine } from '@subtext/tensor';
import { expect, it } from 'vitest';

import { defaultWorkers } from './training-engine';

const native = (await describeEngines()).some(({ name, loads }) => name === 'native' && loads);

it('is one for each shard that has a core where a call takes one thread', async () => {
  await useEngine({ engine: 'wasm' });
  expect(defaultWorkers({ shards: 2, processors: 8 })).toBe(2);
  expect(defaultWorkers({ shards: 4, processors: 3, parameters: 1e9 })).toBe(3);
});

it.skipIf(!native)('is none where a call takes all cores, unless the model is small', async () => {
  await useEngine({ engine: 'native' });
  expect(defaultWorkers({ shards: 2, processors: 8 })).toBe(0);
  expect(defaultWorkers({ shards: 2, processors: 8, parameters: 124e6 })).toBe(0);
  expect(defaultWorkers({ shards: 2, processors: 8, parameters: 300_000 })).toBe(2);
  expect(defaultWorkers({ shards: 2, processors: 1, parameters: 300_000 })).toBe(1);
});
