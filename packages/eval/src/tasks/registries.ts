import * as data from '@subtext/data';
import { registerFamily } from '@subtext/model';
import * as reasoner from '@subtext/reasoner';
import * as tensor from '@subtext/tensor';

import { registerTask } from './registry';

/**
 * What a module that is included (`includeModules` of `@subtext/core/node`) is given where models are evaluated: the
 * registries, and the packages that what it registers is built from. There are no objectives to add to: nothing is trained.
 */
export const evaluationRegistries: Readonly<Record<string, unknown>> = {
  registerMethod: reasoner.registerMethod,
  registerObjective: (_objective: unknown): void => undefined,
  registerTask,
  registerFormat: data.registerFormat,
  registerFamily,
  z: reasoner.z,
  data,
  reasoner,
  tensor,
};
