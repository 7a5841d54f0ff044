import * as data from '@subtext/data';
import { registerFamily } from '@subtext/model';
import * as reasoner from '@subtext/reasoner';
import * as tensor from '@subtext/tensor';

import { registerObjective } from '../objectives/registry';
import { registerReward } from '../reinforcement/rewards';

/**
 * What a module that is included (`includeModules` of `@subtext/core/node`) is given where reasoners are trained: the
 * registries, and the packages that what it registers is built from. In a worker there are no tasks to add to.
 */
export const trainingRegistries: Readonly<Record<string, unknown>> = {
  registerMethod: reasoner.registerMethod,
  registerObjective,
  registerReward,
  registerTask: (_task: unknown): void => undefined,
  registerFormat: data.registerFormat,
  registerFamily,
  z: reasoner.z,
  data,
  reasoner,
  tensor,
};
