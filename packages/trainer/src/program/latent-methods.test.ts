import {
  parseAnswer,
  linesFormat,
  IGNORED_LABEL,
  type Layout,
  createMethod,
  type MethodSpecification,
} from '@subtext/reasoner';
import { describe, expect, it } from 'vitest';

import { smallContext, steppedExample } from '../../../reasoner/test/small-world';
import { checkLengths } from '../phases/check-lengths';

const stages = ['step_1', 'step_2', 'step_3'];

function open(specification: MethodSpecification) {
  const method = createMethod(specification);
  const context = smallContext({ specialTokens: method.specialTokens({ stages }) });
  const phases = method.curriculum({ stages });
  const write = (ids: readonly number[]) => context.tokenizer.decode(ids, { skipSpecialTokens: false });
  const layout = (
    phase: number,
    { example = steppedExample, counters }: { example?: typeof steppedExample; counters?: number[] } = {},
  ) => method.layout({ example, phase: phases[phase]!, context, counters });
  return { method, context, phases, write, layout };
}

const withoutLoss = ({ ids, labels }: Layout) => ids.filter((_, index) => labels[index] === IGNORED_LABEL);

/**
 * Holds a count of independent draws to its probability: within four standard errors of a binomial share,
 * √(p (1 − p) / n), which chance leaves once in 16,000 times.
 */
function expectShare({ found, draws, probability }: { found: number; draws: number; probability: number }): void {
  expect(Math.abs(found / draws - probability)).toBeLessThanOrEqual(
    4 * Math.sqrt((probability * (1 - probability)) / draws),
  );
}

describe('pause', () => {
  it('puts the same token between question and answer, without loss, and into the prompt', () => {
    const { method, context, write, layout } = open({ name: 'pause', count: 3 });
    const laid = layout(0);
    expect(write(laid.ids)).toBe('<s>is the cat red?\n<pause><pause><pause>### no</s>');
    expect(write(withoutLoss(laid))).toBe('<s>is the cat red?\n<pause><pause><pause>');
    const prompt = method.prompt({ example: steppedExample, context });
    expect(prompt).toEqual(laid.ids.slice(0, laid.promptLength));
    expect(method.promptThoughts!({ example: steppedExample, context })).toEqual(laid.thoughts);
    expect(laid.thoughts.map(({ position, kind }) => [prompt[position], kind])).toEqual(
      Array.from({ length: 3 }, () => [context.tokenizer.idOf('<pause>'), 'token']),
    );
  });

  it('refuses to pause less than once', () => {
    for (const count of [0, 1.5, NaN])
      expect(() => createMethod({ name: 'pause', count })).toThrow(/at least 1 as count/);
  });
});

describe('icot', () => {
  it('takes tokens from the front of the chain, more each phase, then all', () => {
    const { phases, write, layout } = open({ name: 'icot', tokensPerPhase: 6, maximumTokens: 15 });
    expect(phases.map(({ name, level }) => [name, level])).toEqual([
      ['chain of thought', 0],
      ['without 6 tokens', 6],
      ['without 12 tokens', 12],
      ['without 15 tokens', 15],
      ['answer only', Infinity],
    ]);
    expect(phases.map((_, phase) => write(layout(phase).ids))).toEqual([
      '<s>is the cat red?\nthe cat sat on a mat\nthe mat is blue\nso it is blue\n### no</s>',
      '<s>is the cat red?\n\nthe mat is blue\nso it is blue\n### no</s>',
      '<s>is the cat red?\nso it is blue\n### no</s>',
      '<s>is the cat red?\n blue\n### no</s>',
      '<s>is the cat red?\n### no</s>',
    ]);
    for (const [phase] of phases.entries()) expect(write(withoutLoss(layout(phase)))).toBe('<s>is the cat red?\n');
  });

  it('takes some more by chance, with probability exp(−λ·o), from the second phase on', () => {
    const { layout } = open({ name: 'icot', tokensPerPhase: 2, smoothing: 1 });
    const whole = layout(0).ids.length;
    const draws = 3_000;
    const extras = Array.from(
      { length: draws },
      (_, row) => whole - 2 - layout(1, { counters: [5, 1, 0, row] }).ids.length,
    );
    for (const more of [0, 1, 2, 3])
      expectShare({ found: extras.filter((extra) => extra >= more).length, draws, probability: Math.exp(-more) });
    expect(layout(0, { counters: [5, 0, 0, 1] }).ids.length).toBe(whole);
    expect(layout(1, { counters: [5, 1, 0, 7] })).toEqual(layout(1, { counters: [5, 1, 0, 7] }));
    const off = open({ name: 'icot', tokensPerPhase: 2, smoothing: Infinity });
    expect(off.layout(1, { counters: [5, 1, 0, 7] }).ids.length).toBe(whole - 2);
  });

  it('refuses numbers that take nothing away', () => {
    expect(() => createMethod({ name: 'icot', tokensPerPhase: 0 })).toThrow(/tokensPerPhase/);
    expect(() => createMethod({ name: 'icot', smoothing: 0 })).toThrow(/above 0/);
  });
});

describe('coconut', () => {
  const thought = '<|latent|>';
  const rest = ['the cat sat on a mat\n', 'the mat is blue\n', 'so it is blue\n'];
  const text = ({ thoughts, steps }: { thoughts: number; steps: string[] }) =>
    `<s>is the cat red?\n<|start-latent|>${thought.repeat(thoughts)}<|end-latent|>${steps.join('')}### no</s>`;

  it('puts k·c thoughts in the place of the first k steps, and past the last stage leaves no text', () => {
    const { phases, write, layout } = open({ name: 'coconut', hiddenSteps: 2, thoughtsPerStep: 2 });
    expect(phases.map(({ name, hiddenStages }) => [name, hiddenStages.join()])).toEqual([
      ['chain of thought', ''],
      ['hide 1 step', 'step_1'],
      ['hide 2 steps', 'step_1,step_2'],
      ['hide all steps', 'step_1,step_2'],
    ]);
    expect(phases.map((_, phase) => write(layout(phase).ids))).toEqual([
      text({ thoughts: 0, steps: rest }),
      text({ thoughts: 2, steps: rest.slice(1) }),
      text({ thoughts: 4, steps: rest.slice(2) }),
      text({ thoughts: 4, steps: [] }),
    ]);
  });

  it('puts no loss on question, marks and thoughts', () => {
    const { write, layout, context } = open({ name: 'coconut', hiddenSteps: 2, thoughtsPerStep: 2 });
    const laid = layout(2);
    expect(write(withoutLoss(laid))).toBe(`<s>is the cat red?\n<|start-latent|>${thought.repeat(4)}<|end-latent|>`);
    expect(withoutLoss(laid)).toEqual(laid.ids.slice(0, laid.promptLength));
    expect(laid.thoughts.map(({ stage, index, kind }) => [stage, index, kind])).toEqual([
      ['step_1', 0, 'continuous'],
      ['step_1', 1, 'continuous'],
      ['step_2', 0, 'continuous'],
      ['step_2', 1, 'continuous'],
    ]);
    for (const { position } of laid.thoughts) expect(laid.ids[position]).toBe(context.tokenizer.idOf(thought));
  });

  it('takes all its thoughts even where the example has fewer steps', () => {
    const { write, layout } = open({ name: 'coconut', hiddenSteps: 3 });
    const example = { ...steppedExample, steps: steppedExample.steps.slice(0, 1) };
    expect(write(layout(2, { example }).ids)).toBe(text({ thoughts: 2, steps: [] }));
    expect(write(layout(4, { example }).ids)).toBe(text({ thoughts: 3, steps: [] }));
  });

  it('asks as it was trained in its last phase', () => {
    for (const options of [{}, { thoughts: 'pause' }, { thoughts: 'none' }, { thoughtsPerStep: 3 }] as const) {
      const { method, context, layout, phases } = open({ name: 'coconut', ...options });
      const last = layout(phases.length - 1);
      expect(method.prompt({ example: steppedExample, context })).toEqual(last.ids.slice(0, last.promptLength));
      expect(method.promptThoughts?.({ example: steppedExample, context }) ?? []).toEqual(last.thoughts);
    }
  });

  it('has the controls of the paper: no curriculum, no thoughts, pauses under the same curriculum', () => {
    const plain = open({ name: 'coconut', progressive: false, textPhase: false });
    expect(plain.phases.map(({ name }) => name)).toEqual(['hide all steps']);
    const none = open({ name: 'coconut', thoughts: 'none' });
    expect(none.method.specialTokens({ stages })).toEqual([]);
    expect(none.write(none.layout(2).ids)).toBe(`<s>is the cat red?\n${rest[2]}### no</s>`);
    const thinking = open({ name: 'coconut' });
    for (const [thoughts, expected] of [
      ['pause', 'token'],
      ['multi-pass-pause', 'stepped'],
    ] as const) {
      const pauses = open({ name: 'coconut', thoughts });
      for (const [phase] of pauses.phases.entries()) {
        expect(pauses.layout(phase).ids).toEqual(thinking.layout(phase).ids);
        expect(pauses.layout(phase).thoughts.every(({ kind }) => kind === expected)).toBe(true);
      }
    }
  });

  it('mixes in other stages, each as likely as the others, the same again for the same counters', () => {
    const { layout } = open({ name: 'coconut', hiddenSteps: 3, uniformProbability: 0.5 });
    const draws = 3_000;
    const counts = [0, 0, 0, 0];
    for (let row = 0; row < draws; row++) {
      const laid = layout(1, { counters: [9, 1, 4, row] });
      if (row < 50) expect(layout(1, { counters: [9, 1, 4, row] })).toEqual(laid);
      counts[laid.thoughts.length]! += 1;
    }
    // Half stay at 1; the others are spread over 0 … 3.
    for (const [level, probability] of [0.125, 0.625, 0.125, 0.125].entries())
      expectShare({ found: counts[level]!, draws, probability });
    expect(layout(1).thoughts.length).toBe(1);
  });

  it.each([
    [{ hiddenSteps: 0 }, /hiddenSteps/],
    [{ thoughtsPerStep: 1.5 }, /thoughtsPerStep/],
    [{ uniformProbability: 1.2 }, /uniformProbability/],
  ])('refuses %j', (options, message) => {
    expect(() => createMethod({ name: 'coconut', ...options })).toThrow(message);
  });
});

describe('sim-cot', () => {
  it('lays out and asks as coconut does, and asks for an interpreter', () => {
    const own = open({ name: 'sim-cot', hiddenSteps: 2 });
    const thinking = open({ name: 'coconut', hiddenSteps: 2 });
    expect(own.method.objectives).toEqual([{ name: 'next-token' }, { name: 'explanation' }]);
    expect(own.phases).toEqual(thinking.phases);
    for (const [phase] of own.phases.entries()) expect(own.layout(phase)).toEqual(thinking.layout(phase));
    expect(own.method.prompt({ example: steppedExample, context: own.context })).toEqual(
      thinking.method.prompt({ example: steppedExample, context: thinking.context }),
    );
  });
});

describe('kava', () => {
  it('lays out and asks as codi does', () => {
    const [own, other] = [open({ name: 'kava', count: 2 }), open({ name: 'codi', count: 2 })];
    expect(own.layout(0)).toEqual(other.layout(0));
    const { chain, apart, position } = own.layout(0).parts!.distillation!;
    expect(own.write(apart[0].ids.slice(chain.from, chain.to))).toBe(
      'the cat sat on a mat\nthe mat is blue\nso it is blue\n',
    );
    expect(own.write(apart[0].ids.slice(position + 1))).toBe('no</s>');
  });

  it('refuses a chain of fewer tokens than there are thoughts, and one of none', () => {
    const short = { ...steppedExample, steps: [{ text: 'no' }] };
    const { layout } = open({ name: 'kava', count: 3 });
    expect(() => layout(0, { example: short })).toThrow(
      expect.objectContaining({
        code: 'invalid-option',
        message: expect.stringMatching(/example one takes 2 tokens in words, fewer than the 3 thoughts/) as string,
      }) as Error,
    );
    expect(() => layout(0, { example: { ...steppedExample, steps: [] } })).toThrow(
      expect.objectContaining({ code: 'missing-stage' }) as Error,
    );
    expect(open({ name: 'kava', count: 2 }).layout(0, { example: short }).thoughts).toHaveLength(2);
  });
});

describe('bad input', () => {
  it.each<MethodSpecification>([
    { name: 'coconut' },
    { name: 'sim-cot' },
    { name: 'adaptive' },
    { name: 'icot' },
    { name: 'codi' },
    { name: 'kava' },
  ])('$name refuses data without steps', (specification) => {
    expect(() => createMethod(specification).curriculum({ stages: [] })).toThrow(
      expect.objectContaining({
        code: 'missing-stage',
        message: expect.stringContaining('no example has a step') as string,
      }) as Error,
    );
  });

  it('takes data without steps where nothing of a chain is ever written', () => {
    expect(
      createMethod({ name: 'coconut', progressive: false, textPhase: false }).curriculum({ stages: [] }),
    ).toHaveLength(1);
  });

  it('refuses more thoughts than the context holds, before the first step', () => {
    const { method, context, phases } = open({ name: 'coconut', hiddenSteps: 20, thoughtsPerStep: 2 });
    expect(() =>
      checkLengths({ data: { examples: [steppedExample], method, context }, phases, maxPositions: 48 }),
    ).toThrow(
      expect.objectContaining({
        code: 'example-too-long',
        message: expect.stringMatching(/one \(\d+ in phase "hide (\d+|all) steps"\)/) as string,
      }) as Error,
    );
    const whole = open({ name: 'codi', count: 2 });
    // The teacher's reading is the longer one.
    expect(() =>
      checkLengths({
        data: { examples: [steppedExample], method: whole.method, context: whole.context },
        phases: whole.phases,
        maxPositions: 20,
      }),
    ).toThrow(/self-distillation/);
  });

  it('takes a response without the answer\u2019s mark for none', () => {
    expect(parseAnswer({ text: 'the mat is blue\n### no', format: linesFormat })).toBe('no');
    for (const text of ['the mat is blue\nno', '### ', ''])
      expect(parseAnswer({ text, format: linesFormat })).toBeUndefined();
  });

  it.each<[MethodSpecification, RegExp]>([
    [{ name: 'codi', count: 0 }, /at least 1 as count/],
    [{ name: 'codi', distillationWeight: -1 }, /distillationWeight/],
    [{ name: 'kava', count: 0 }, /at least 1 as count/],
    [{ name: 'kava', keyValueWeight: NaN }, /keyValueWeight/],
    [{ name: 'kava', importance: 1.5 }, /importance/],
    [{ name: 'adaptive', thoughtCost: NaN }, /thoughtCost/],
    [{ name: 'adaptive', hiddenSteps: 0 }, /hiddenSteps/],
    [{ name: 'sim-cot', thoughtsPerStep: 0 }, /thoughtsPerStep/],
  ])('refuses %j', (specification, message) => {
    expect(() => createMethod(specification)).toThrow(message);
  });
});
