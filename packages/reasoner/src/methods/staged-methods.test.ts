import { describe, expect, it } from 'vitest';

import { smallContext, stagedExample, steppedExample } from '../../test/small-world';
import { linesFormat, taggedFormat } from './reasoning-format';
import { IGNORED_LABEL, type Layout, type LayoutContext } from './reasoning-method';
import { createMethod, methodNames, type MethodSpecification } from './registry';
import { LayoutBuilder } from './layout-builder';

const stages = ['summary', 'caption', 'reasoning'];
const tags = taggedFormat.tags({ stages });

function laidOut({
  specification,
  phase,
  context,
  example = stagedExample,
}: {
  specification: MethodSpecification;
  phase: number;
  context: LayoutContext;
  example?: typeof stagedExample;
}): Layout {
  const method = createMethod(specification);
  return method.layout({ example, phase: method.curriculum({ stages })[phase]!, context });
}

const write = (context: LayoutContext, ids: readonly number[]) =>
  context.tokenizer.decode(ids, { skipSpecialTokens: false });
const predicted = ({ ids, labels }: Layout) => ids.filter((_, index) => labels[index] !== IGNORED_LABEL);

describe('layouts', () => {
  it('give a label to what the model must write and to nothing else', () => {
    const context = smallContext();
    const layout = laidOut({ specification: { name: 'cot' }, phase: 0, context, example: steppedExample });
    expect(write(context, layout.ids)).toBe(
      '<s>is the cat red?\nthe cat sat on a mat\nthe mat is blue\nso it is blue\n### no</s>',
    );
    expect(write(context, layout.ids.slice(0, layout.promptLength))).toBe('<s>is the cat red?\n');
    expect(predicted(layout)).toEqual(layout.ids.slice(layout.promptLength));
    for (const [index, label] of layout.labels.entries()) expect([IGNORED_LABEL, layout.ids[index]]).toContain(label);
    expect(layout.thoughts).toEqual([]);
  });

  it('of no-cot go from the question to the answer, and their prompt is where generation starts', () => {
    const context = smallContext();
    const layout = laidOut({ specification: { name: 'no-cot' }, phase: 0, context, example: steppedExample });
    expect(write(context, layout.ids)).toBe('<s>is the cat red?\n### no</s>');
    for (const name of ['no-cot', 'cot', 'heima'] as const) {
      expect(createMethod({ name }).prompt({ example: steppedExample, context })).toEqual(
        layout.ids.slice(0, layout.promptLength),
      );
    }
  });

  it('of coconut leave the rest of the steps in words where it is to be written', () => {
    const specification = { name: 'coconut', hiddenSteps: 1, writeRest: true } as const;
    const method = createMethod(specification);
    const context = smallContext({ specialTokens: method.specialTokens({ stages: ['step_1', 'step_2'] }) });
    const phases = method.curriculum({ stages: ['step_1', 'step_2', 'step_3'] });
    expect(phases.map(({ name, level }) => [name, level])).toEqual([
      ['chain of thought', 0],
      ['hide 1 step', 1],
    ]);
    expect(method.lastStages!({ stages: ['step_1', 'step_2', 'step_3'] })).toEqual(['step_1', 'step_2', 'step_3']);
    const { ids } = laidOut({ specification, phase: 1, context, example: steppedExample });
    expect(write(context, ids)).toBe(
      '<s>is the cat red?\n<|start-latent|><|latent|><|end-latent|>the mat is blue\nso it is blue\n### no</s>',
    );
    const all = createMethod({ ...specification, progressive: false, textPhase: false });
    expect(all.curriculum({ stages: [] }).map(({ name }) => name)).toEqual(['hide 1 step']);
  });

  it('place pictures before the question or after it, one placeholder a feature', () => {
    const tokens = ['<image>'];
    for (const [position, text] of [
      ['before', '<s><image><image><image>is'],
      ['after', '<s>is<image><image><image>'],
    ] as const) {
      const context = smallContext({ specialTokens: tokens, format: taggedFormat });
      context.image = { tokenId: context.tokenizer.idOf('<image>'), tokens: 3, position };
      const { ids, labels } = new LayoutBuilder({ context }).prompt({ question: 'is', hasImage: true }).build();
      expect(write(context, ids)).toBe(text);
      expect(labels.every((label) => label === IGNORED_LABEL)).toBe(true);
      expect(
        write(context, new LayoutBuilder({ context }).prompt({ question: 'is', hasImage: false }).build().ids),
      ).toBe('<s>is');
    }
  });

  it('tokenize marks apart from the text beside them', () => {
    const context = smallContext({ specialTokens: tags, format: taggedFormat });
    const { ids } = new LayoutBuilder({ context })
      .text({ text: '<SUMMARY>', role: '<summary>' })
      .text({ text: 'the', role: 'summary' })
      .build();
    expect(ids).toEqual([context.tokenizer.idOf('<SUMMARY>'), context.tokenizer.idOf('the')]);
  });
});

describe('the start of a response', () => {
  const context = (specialTokens: readonly string[] = []) =>
    smallContext({ specialTokens: [...tags, ...specialTokens], format: taggedFormat });

  it.each<{ specification: MethodSpecification; phase?: number; expected: string }>([
    { specification: { name: 'no-cot' }, expected: '<CONCLUSION>' },
    { specification: { name: 'cot' }, expected: '<SUMMARY>' },
    {
      specification: { name: 'heima' },
      expected:
        '<SUMMARY><THINKING_OF_SUMMARY></SUMMARY><CAPTION><THINKING_OF_CAPTION></CAPTION><REASONING><THINKING_OF_REASONING></REASONING><CONCLUSION>',
    },
    { specification: { name: 'heima' }, phase: 1, expected: '<SUMMARY><THINKING_OF_SUMMARY></SUMMARY><CAPTION>' },
    {
      specification: { name: 'heima', closingTags: false },
      expected:
        '<SUMMARY><THINKING_OF_SUMMARY><CAPTION><THINKING_OF_CAPTION><REASONING><THINKING_OF_REASONING><CONCLUSION>',
    },
    // How many tokens a ratio gives depends on the text: only the first is sure.
    {
      specification: { name: 'heima', thinkingTokens: { kind: 'ratio', ratio: 0.5, maximum: 4 } },
      expected: '<SUMMARY><THINKING_OF_SUMMARY_1>',
    },
  ])(
    'of $specification.name is what a phase lays out for every example',
    ({ specification, phase: number, expected }) => {
      const method = createMethod(specification);
      const own = context(method.specialTokens({ stages }));
      const phase = method.curriculum({ stages }).at(number ?? -1)!;
      const start = method.responseStart!({ stages, hiddenStages: phase.hiddenStages, context: own });
      expect(write(own, start)).toBe(expected);
      const { ids, promptLength } = method.layout({ example: stagedExample, phase, context: own });
      expect(ids.slice(promptLength, promptLength + start.length)).toEqual(start);
    },
  );
});

describe('heima', () => {
  const specialTokens = [...tags, ...createMethod({ name: 'heima' }).specialTokens({ stages })];
  const context = smallContext({ specialTokens, format: taggedFormat });

  it('hides one stage more each phase and recovers at the end', () => {
    const phases = createMethod({ name: 'heima' }).curriculum({ stages });
    expect(phases.map(({ name, index, kind, hiddenStages }) => [name, index, kind, hiddenStages.join()])).toEqual([
      ['chain of thought', 0, 'text', ''],
      ['hide summary', 1, 'encode', 'summary'],
      ['hide caption', 2, 'encode', 'summary,caption'],
      ['hide reasoning', 3, 'encode', 'summary,caption,reasoning'],
      ['recover', 4, 'recover', 'summary,caption,reasoning'],
    ]);
  });

  it('keeps the tags and puts a thinking token between them, which the model must write', () => {
    const texts = Array.from({ length: 5 }, (_, phase) =>
      write(context, laidOut({ specification: { name: 'heima' }, phase, context }).ids),
    );
    const [summary, caption, reasoning] = stagedExample.steps.map(({ text }) => text);
    const hidden = ['<THINKING_OF_SUMMARY>', '<THINKING_OF_CAPTION>', '<THINKING_OF_REASONING>'];
    const text = (first: string, second: string, third: string) =>
      `<s>is the cat red?<SUMMARY>${first}</SUMMARY><CAPTION>${second}</CAPTION><REASONING>${third}</REASONING><CONCLUSION>yes</CONCLUSION></s>`;
    expect(texts).toEqual([
      text(summary!, caption!, reasoning!),
      text(hidden[0]!, caption!, reasoning!),
      text(hidden[0]!, hidden[1]!, reasoning!),
      text(hidden[0]!, hidden[1]!, hidden[2]!),
      text(hidden[0]!, hidden[1]!, hidden[2]!),
    ]);
    const layout = laidOut({ specification: { name: 'heima' }, phase: 2, context });
    expect(layout.thoughts.map(({ stage, index, kind }) => [stage, index, kind])).toEqual([
      ['summary', 0, 'token'],
      ['caption', 0, 'token'],
    ]);
    for (const { stage, position } of layout.thoughts) {
      expect(layout.ids[position]).toBe(context.tokenizer.idOf(`<THINKING_OF_${stage.toUpperCase()}>`));
      expect(layout.labels[position]).toBe(layout.ids[position]);
    }
  });

  it('hides in another order, but lays out in the written one', () => {
    const specification = {
      name: 'heima',
      hidingOrder: ['reasoning', 'summary', 'caption'],
      textPhase: false,
      recovering: false,
    } as const;
    const phases = createMethod(specification).curriculum({ stages });
    expect(phases.map(({ name, hiddenStages }) => [name, hiddenStages.join()])).toEqual([
      ['hide reasoning', 'reasoning'],
      ['hide summary', 'summary,reasoning'],
      ['hide caption', 'summary,caption,reasoning'],
    ]);
    expect(laidOut({ specification, phase: 1, context }).thoughts.map(({ stage }) => stage)).toEqual([
      'summary',
      'reasoning',
    ]);
  });

  it('hides all at once where it is not progressive', () => {
    const phases = createMethod({ name: 'heima', progressive: false, recovering: false }).curriculum({ stages });
    expect(phases.map(({ name, hiddenStages }) => [name, hiddenStages.length])).toEqual([
      ['chain of thought', 0],
      ['hide all', 3],
    ]);
  });

  it('takes several thinking tokens a stage: the same number, by name, or by the length of the text', () => {
    const counts = (thinkingTokens: Extract<MethodSpecification, { name: 'heima' }>['thinkingTokens']) => {
      const specification = { name: 'heima', thinkingTokens, progressive: false, textPhase: false } as const;
      const tokens = createMethod(specification).specialTokens({ stages });
      expect(new Set(tokens).size).toBe(tokens.length);
      const own = smallContext({ specialTokens: [...tags, ...tokens], format: taggedFormat });
      const { thoughts, ids } = laidOut({ specification, phase: 0, context: own });
      expect(new Set(thoughts.map(({ position }) => ids[position])).size).toBe(thoughts.length);
      return stages.map((stage) => thoughts.filter((thought) => thought.stage === stage).map(({ index }) => index));
    };
    expect(counts({ kind: 'fixed', count: 2 })).toEqual([
      [0, 1],
      [0, 1],
      [0, 1],
    ]);
    expect(counts({ kind: 'stages', counts: { summary: 1, caption: 3, reasoning: 2 } })).toEqual([
      [0],
      [0, 1, 2],
      [0, 1],
    ]);
    // Texts of 4, 8 and 5 tokens: ⌊0.3 · 4⌋ = 1, ⌊0.3 · 8⌋ = 2, ⌊0.3 · 5⌋ = 1; never none, never above the maximum.
    expect(counts({ kind: 'ratio', ratio: 0.3, maximum: 32 })).toEqual([[0], [0, 1], [0]]);
    expect(counts({ kind: 'ratio', ratio: 0.01, maximum: 32 })).toEqual([[0], [0], [0]]);
    expect(counts({ kind: 'ratio', ratio: 1, maximum: 5 })).toEqual([
      [0, 1, 2, 3],
      [0, 1, 2, 3, 4],
      [0, 1, 2, 3, 4],
    ]);
  });

  it.each([
    [{ thinkingTokens: { kind: 'fixed', count: 0 } }, /1 to 32/],
    [{ thinkingTokens: { kind: 'fixed', count: 33 } }, /not 33/],
    [{ thinkingTokens: { kind: 'fixed', count: 1.5 } }, /not 1.5/],
    [{ thinkingTokens: { kind: 'ratio', ratio: 0, maximum: 4 } }, /above 0/],
    [{ thinkingTokens: { kind: 'stages', counts: { summary: 40 } } }, /not 40/],
    [{ thinkingTokens: { kind: 'ratio', ratio: 0.5, maximum: 4 }, closingTags: false }, /only a closing tag tells/],
  ] as const)('refuses %j', (options, message) => {
    expect(() => createMethod({ name: 'heima', ...options })).toThrow(message);
  });

  it('names what stands in a number’s place', () => {
    const wrong = (value: unknown) => () => createMethod({ name: 'heima', swap: value as number });
    expect(wrong({ a: 1 })).toThrow(/as swap, not \{"a":1\}/);
    expect(wrong('0.5')).toThrow(/not "0.5"/);
    expect(wrong(Number.NaN)).toThrow(/not NaN/);
  });

  it('refuses a hiding order with other stages, a stage without a number, and an example without a hidden stage', () => {
    for (const hidingOrder of [['summary'], ['summary', 'caption', 'caption'], ['summary', 'caption', 'thoughts']]) {
      expect(() => createMethod({ name: 'heima', hidingOrder }).curriculum({ stages })).toThrow(
        /must name each stage once/,
      );
    }
    expect(() =>
      createMethod({ name: 'heima', thinkingTokens: { kind: 'stages', counts: { summary: 1 } } }).specialTokens({
        stages,
      }),
    ).toThrow(/not for the stage "caption"/);
    const example = { ...stagedExample, steps: stagedExample.steps.slice(0, 2) };
    expect(() => laidOut({ specification: { name: 'heima' }, phase: 3, context, example })).toThrow(
      /two has no stage "reasoning"/,
    );
  });

  it('hides the steps that a chain has, where steps are only numbered', () => {
    const numbered = ['step_1', 'step_2', 'step_3'];
    const method = createMethod({ name: 'heima' });
    const tokens = [...taggedFormat.tags({ stages: numbered }), ...method.specialTokens({ stages: numbered })];
    const own = smallContext({ specialTokens: tokens, format: taggedFormat });
    const phase = method.curriculum({ stages: numbered }).at(-1)!;
    const texts = [3, 2].map((length) =>
      write(
        own,
        method.layout({
          example: { ...steppedExample, steps: steppedExample.steps.slice(0, length) },
          phase,
          context: own,
        }).ids,
      ),
    );
    const hidden = (step: number) => `<STEP_${step}><THINKING_OF_STEP_${step}></STEP_${step}>`;
    expect(texts).toEqual(
      [3, 2].map(
        (length) =>
          `<s>is the cat red?${[1, 2, 3].slice(0, length).map(hidden).join('')}<CONCLUSION>no</CONCLUSION></s>`,
      ),
    );
  });
});

describe('the registry', () => {
  it('makes every method under its own name and refuses others', () => {
    expect(methodNames.map((name) => createMethod({ name }).name)).toEqual(methodNames);
    expect(() => createMethod({ name: 'telepathy' } as never)).toThrow(/no method "telepathy".*no-cot, cot, heima/);
  });

  it('numbers the phases of every method from 0, under names of their own', () => {
    for (const name of methodNames) {
      const phases = createMethod({ name }).curriculum({ stages });
      expect(phases.map(({ index }) => index)).toEqual(phases.map((_, index) => index));
      expect(new Set(phases.map((phase) => phase.name)).size).toBe(phases.length);
    }
    expect(linesFormat.question).toEqual({ open: '', close: '\n' });
  });
});
