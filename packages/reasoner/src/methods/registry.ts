import { ownValue } from '@subtext/core';

import { ReasonerError } from '../errors';
import { graphMethod, type GraphOptions } from '../graphs/graph-method';
import { adaptive, type AdaptiveOptions } from './adaptive';
import { coconut, type CoconutOptions } from './coconut';
import { codi, type CodiOptions } from './codi';
import { cot } from './cot';
import { heima, type HeimaOptions } from './heima';
import { icot, type IcotOptions } from './icot';
import { noCot } from './no-cot';
import { pause, type PauseOptions } from './pause';
import type { ReasoningMethod } from './reasoning-method';
import { simCot, type SimCotOptions } from './sim-cot';

/** A method by name with its options: what a configuration file and `subtext.json` hold. */
export type MethodSpecification =
  | { name: 'no-cot' }
  | { name: 'cot' }
  | ({ name: 'heima' } & HeimaOptions)
  | ({ name: 'graph' } & GraphOptions)
  | ({ name: 'icot' } & IcotOptions)
  | ({ name: 'pause' } & PauseOptions)
  | ({ name: 'coconut' } & CoconutOptions)
  | ({ name: 'adaptive' } & AdaptiveOptions)
  | ({ name: 'codi' } & CodiOptions)
  | ({ name: 'sim-cot' } & SimCotOptions);

/** Every method by name. A new method is one file and one line here. */
const methods: {
  [Name in MethodSpecification['name']]: (options: Extract<MethodSpecification, { name: Name }>) => ReasoningMethod;
} = {
  'no-cot': () => noCot(),
  cot: () => cot(),
  heima: (options) => heima(options),
  graph: (options) => graphMethod(options),
  icot: (options) => icot(options),
  pause: (options) => pause(options),
  coconut: (options) => coconut(options),
  adaptive: (options) => adaptive(options),
  codi: (options) => codi(options),
  'sim-cot': (options) => simCot(options),
};

/** Names of the methods that can be trained. */
export const methodNames = Object.keys(methods) as MethodSpecification['name'][];

/** Builds a method from its specification. Throws `unknown-method`. */
export function createMethod(specification: MethodSpecification): ReasoningMethod {
  const create = ownValue(methods as Record<string, unknown>, specification.name) as
    ((options: MethodSpecification) => ReasoningMethod) | undefined;
  if (!create) {
    throw new ReasonerError({
      code: 'unknown-method',
      message: `There is no method "${String(specification.name)}". Take one of: ${methodNames.join(', ')}.`,
    });
  }
  return create(specification);
}
