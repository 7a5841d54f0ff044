import { createMethod } from '@subtext/reasoner';
import { describe, expect, it } from 'vitest';

import { smallContext, stagedExample, steppedExample } from '../../../reasoner/test/small-world';
import { checkLengths } from './check-lengths';
import { measureLayouts, usedTokens } from './measure-layouts';

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

  it('count the words that a thought may be told by chance', () => {
    const stages = ['summary', 'caption', 'reasoning'];
    const told = createMethod({ name: 'heima', fromWords: 0.1, textPhase: false, progressive: false });
    const seeing = {
      ...smallContext({ specialTokens: told.specialTokens({ stages }) }),
      visibility: { answer: ['steps'] },
    };
    const hidden = told.curriculum({ stages }).slice(0, 1);
    const data = { examples: [stagedExample], method: told, context: seeing };
    const lengths = Array.from(
      { length: 200 },
      (_, row) =>
        told.layout({ example: stagedExample, phase: hidden[0]!, context: seeing, counters: [1, row] }).ids.length,
    );
    const [shortest, longest] = [Math.min(...lengths), Math.max(...lengths)];
    expect(told.layout({ example: stagedExample, phase: hidden[0]!, context: seeing }).ids.length).toBe(shortest);
    expect(longest).toBeGreaterThan(shortest);
    expect(measureLayouts({ data, phases: hidden }).longest).toBe(longest);
    expect(checkLengths({ data, phases: hidden, maxPositions: longest }).tooLong).toEqual([]);
    expect(() => checkLengths({ data, phases: hidden, maxPositions: longest - 1 })).toThrow(
      /1 of 1 examples take more tokens/,
    );
    // A word of the caption is trained on though the stage is always hidden.
    const word = seeing.tokenizer.encode(stagedExample.steps[1]!.text, { addSpecialTokens: false }).ids[0]!;
    expect(usedTokens({ data, phases: hidden }).has(word)).toBe(true);
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
