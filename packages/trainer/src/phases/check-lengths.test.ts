import { createMethod } from '@subtext/reasoner';
import { describe, expect, it } from 'vitest';

import { smallContext, stagedExample, steppedExample } from '../../../reasoner/test/small-world';
import { checkLengths } from './check-lengths';

const method = createMethod({ name: 'cot' });
const context = smallContext();
const phases = method.curriculum({ stages: ['summary', 'caption', 'reasoning'] });
const examples = [steppedExample, stagedExample, { ...stagedExample, id: 'three' }];
const lengthOf = (example: typeof steppedExample) => method.layout({ example, phase: phases[0]!, context }).ids.length;

describe('lengths of examples', () => {
  it('that all fit leave everything as it is; the last position counts', () => {
    const longest = Math.max(...examples.map(lengthOf));
    expect(checkLengths({ data: { examples, method, context }, phases, maxPositions: longest })).toEqual({
      examples,
      tooLong: [],
    });
  });

  it('that do not fit are named with their length and phase', () => {
    const length = lengthOf(stagedExample);
    expect(length).toBeGreaterThan(lengthOf(steppedExample));
    const check = () => checkLengths({ data: { examples, method, context }, phases, maxPositions: length - 1 });
    expect(check).toThrowError(
      expect.objectContaining({
        code: 'example-too-long',
        message: expect.stringContaining(
          `2 of 3 examples take more tokens than the ${length - 1} positions of the model: two (${length} in phase "${phases[0]!.name}"), three`,
        ) as string,
      }),
    );
  });

  it('may be left out up to a share', () => {
    const length = lengthOf(stagedExample);
    const options = { data: { examples, method, context }, phases, maxPositions: length - 1 };
    expect(checkLengths({ ...options, mayLeaveOut: 0.7 })).toEqual({
      examples: [steppedExample],
      tooLong: ['two', 'three'].map((id) => ({ id, length, phase: phases[0]!.name })),
    });
    expect(() => checkLengths({ ...options, mayLeaveOut: 0.6 })).toThrow(/2 of 3/);
  });
});
