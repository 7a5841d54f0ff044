import { describeIssues } from '@subtext/core';
import { z } from 'zod';

import { ReasonerError } from '../errors';
import { graphMethod, type GraphOptions } from '../graphs/graph-method';
import { adaptive, adaptiveOptions } from './adaptive';
import { coconut, coconutOptions } from './coconut';
import { codi, codiOptions } from './codi';
import { colar, colarOptions } from './colar';
import { cot } from './cot';
import { cot2, cot2Options } from './cot2';
import { heima, type HeimaOptions, heimaOptions } from './heima';
import { icot, icotOptions } from './icot';
import { kava, kavaOptions } from './kava';
import { noCot } from './no-cot';
import { pause, pauseOptions } from './pause';
import { recurrent, recurrentOptions } from './recurrent';
import { withVisibility } from '../visibility/method-visibility';
import type { ReasoningMethod } from './reasoning-method';
import { simCot, simCotOptions } from './sim-cot';
import { thinkingTokenCount } from './thinking-tokens';

function configured<const Name extends string, Shape extends z.ZodRawShape>(name: Name, options: z.ZodObject<Shape>) {
  return z.strictObject({ name: z.literal(name), ...options.shape });
}

const noOptions = z.strictObject({});

/** What a configuration of training on examples may say as its `method`: each with its own options and their defaults. */
export const methodConfiguration = z.discriminatedUnion('name', [
  configured('no-cot', noOptions),
  configured('cot', noOptions),
  configured('heima', heimaOptions),
  configured('icot', icotOptions),
  configured('pause', pauseOptions),
  configured('coconut', coconutOptions),
  configured('sim-cot', simCotOptions),
  configured('adaptive', adaptiveOptions),
  configured('codi', codiOptions),
  configured('kava', kavaOptions),
  configured('cot2', cot2Options),
  configured('colar', colarOptions),
  configured('recurrent', recurrentOptions),
]);

type Configurable = Exclude<z.input<typeof methodConfiguration>, { name: 'heima' }>;

/** A method by name with its options: what `subtext.json` holds. */
export type MethodSpecification =
  Configurable | ({ name: 'heima' } & HeimaOptions) | ({ name: 'graph' } & GraphOptions);

/** Every method by name. */
const builtIn: {
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
  kava: (options) => kava(options),
  cot2: (options) => cot2(options),
  colar: (options) => colar(options),
  recurrent: (options) => recurrent(options),
  'sim-cot': (options) => simCot(options),
};

type Create = (options: { name: string }) => ReasoningMethod;
const methods = new Map<string, Create>(Object.entries(builtIn) as [string, Create][]);
/** What the options of methods that were registered are checked by. */
const registered = new Map<string, z.ZodObject>();

/** Names of the methods that this package has. */
export const methodNames = Object.keys(builtIn) as MethodSpecification['name'][];

/** Whether there is a method of a name, registered ones included. */
export function isMethod(name: string): boolean {
  return methods.has(name);
}

/** The schema of a method that was registered, its name included; undefined for those of this package. */
export function registeredSchema(name: string): z.ZodObject | undefined {
  return registered.get(name);
}

/** {@link methodConfiguration} with the methods that have been registered until now. */
export function allMethodsConfiguration(): typeof methodConfiguration {
  if (registered.size === 0) return methodConfiguration;
  const [first, ...rest] = methodConfiguration.options;
  return z.discriminatedUnion('name', [
    first,
    ...rest,
    ...(registered.values() as Iterable<(typeof methodConfiguration.options)[0]>),
  ]) as unknown as typeof methodConfiguration;
}

/**
 * Adds a method: from then on `createMethod`, and with it whatever opens a reasoner's folder, makes it by its name with
 * the options that stand beside the name, checked by their schema, defaults filled in.
 *
 * @returns what names it with its options, as `trainRun` and `createMethod` take it
 * @throws ReasonerError `invalid-option` where the name is taken
 */
export function registerMethod<Schema extends z.ZodObject>({
  name,
  options,
  create,
}: {
  name: string;
  /** Zod schema of its options, in a configuration and in `subtext.json`. @default any are taken as they are */
  options?: Schema;
  create: (options: z.output<Schema> & { name: string }) => ReasoningMethod;
}): (options?: z.input<Schema>) => MethodSpecification {
  if (methods.has(name))
    throw new ReasonerError({
      code: 'invalid-option',
      message: `There is a method "${name}" already; give another name to the one that is registered.`,
    });
  methods.set(name, create as Create);
  const literal = z.literal(name);
  registered.set(
    name,
    options ? z.strictObject({ name: literal, ...options.shape }) : z.looseObject({ name: literal }),
  );
  return (chosen) => ({ name, ...chosen }) as unknown as MethodSpecification;
}

/** The method that a configuration names, as `subtext.json` holds it. */
export function methodSpecification(method: z.output<typeof methodConfiguration>): MethodSpecification {
  if (method.name !== 'heima') return method;
  return { ...method, thinkingTokens: thinkingTokenCount(method.thinkingTokens) };
}

/** Builds a method from its specification. Throws `unknown-method`, and `invalid-option` for options that its schema refuses. */
export function createMethod(specification: MethodSpecification): ReasoningMethod {
  const create = methods.get(specification.name);
  if (!create) {
    throw new ReasonerError({
      code: 'unknown-method',
      message: `There is no method "${String(specification.name)}". Take one of: ${[...methods.keys()].join(', ')}; or include the module that registers it.`,
    });
  }
  const checked = registered.get(specification.name)?.safeParse(specification);
  if (checked?.success === false)
    throw new ReasonerError({
      code: 'invalid-option',
      message: `The method "${specification.name}" does not take these options: ${describeIssues(checked.error)}.`,
    });
  return withVisibility(create((checked?.data as { name: string } | undefined) ?? specification));
}
