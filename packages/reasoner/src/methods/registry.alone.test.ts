import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { smallContext, steppedExample } from '../../test/small-world';
import { createMethod, methodConfiguration, methodSpecification, registerMethod } from './registry';

const stages = ['step_1', 'step_2', 'step_3'];

describe('what a configuration says of a method', () => {
  const names = methodConfiguration.options.map(({ shape }) => shape.name.value);
  // Its default is a thought for each of six steps, each a list of tokens.
  const sixSteps = { ...steppedExample, steps: Array.from({ length: 6 }, () => ({ text: 'red' })) };

  // Its answer is read at the question's places.
  const asLong = { ...steppedExample, answer: steppedExample.question };

  it.each(names)('has the defaults of the method itself: %s', (name) => {
    const written = createMethod(methodSpecification(methodConfiguration.parse({ name })));
    const plain = createMethod({ name });
    const phases = plain.curriculum({ stages });
    expect(written.curriculum({ stages })).toEqual(phases);
    const context = smallContext({ specialTokens: plain.specialTokens({ stages }) });
    const own: Partial<Record<typeof name, typeof steppedExample>> = { cot2: sixSteps, recurrent: asLong };
    const example = own[name] ?? steppedExample;
    for (const phase of phases)
      expect(written.layout({ example, phase, context, counters: [1, 2, 3] })).toEqual(
        plain.layout({ example, phase, context, counters: [1, 2, 3] }),
      );
  });

  it('is refused where it is of another method, or more than a folder could hold', () => {
    expect(methodConfiguration.safeParse({ name: 'pause', hiddenSteps: 2 }).success).toBe(false);
    expect(methodConfiguration.safeParse({ name: 'pause', count: 4097 }).success).toBe(false);
    expect(methodConfiguration.safeParse({ name: 'sim-cot', thoughts: 'pause' }).success).toBe(false);
    expect(methodConfiguration.safeParse({ name: 'graph' }).success).toBe(false);
  });
});

it('makes a method that was registered, with its options, and lets no other take its name', () => {
  const create = ({ count }: { count: number }) => ({ ...createMethod({ name: 'pause', count }), name: 'own' });
  const specification = { name: 'own', count: 3 } as never;
  expect(() => createMethod(specification)).toThrow(expect.objectContaining({ code: 'unknown-method' }));
  const own = registerMethod({ name: 'own', options: z.strictObject({ count: z.number() }), create });
  expect(own({ count: 3 })).toEqual(specification);
  const method = createMethod(specification);
  expect(method.name).toBe('own');
  const context = smallContext({ specialTokens: method.specialTokens({ stages }) });
  expect(method.promptThoughts!({ example: steppedExample, context })).toHaveLength(3);
  for (const name of ['own', 'coconut'])
    expect(() => registerMethod({ name, options: z.strictObject({ count: z.number() }), create })).toThrow(
      expect.objectContaining({ code: 'invalid-option', message: expect.stringContaining(name) as string }),
    );
});
