import { tf } from '../../tensorflow';
import type { Engine } from '../engine';
import { processorName } from '../processor-name';

/** Plain JavaScript: the reference for testing other engines. About 1 GFLOP/s. */
export const cpuEngine: Engine = {
  name: 'cpu',
  backend: 'cpu',
  summary: 'plain JavaScript; a reference, taken only by name',
  capabilities: {
    threads: 'one',
    largestWeights: null,
    largestMemory: null,
    synchronousReads: true,
    dtypes: ['float32', 'int32', 'bool'],
    trainingState: 'shared-memory',
  },
  embedded: true,
  installed: async () => ({ package: '@tensorflow/tfjs-backend-cpu', version: tf.version_core }),
  load: async () => {
    const backend = tf.engine().findBackend('cpu') as unknown as { firstUse: boolean };
    // On first use the backend prints an advertisement for tfjs-node to the console.
    backend.firstUse = false;
    return { kind: 'cpu', name: `${await processorName()}, JavaScript` };
  },
  preference: () => 0,
  advice: () => 'Use wasm: the same results, tens of times faster, nothing to install.',
};
