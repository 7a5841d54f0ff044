import { trainWordLevelTokenizer } from '@subtext/tokenizer';
import { describe, expect, it } from 'vitest';

import { smallContext, stagedExample, steppedExample } from '../../test/small-world';
import { stages as named } from '../../test/small-reasoners';
import { coconutFormat, linesFormat, taggedFormat } from '../methods/reasoning-format';
import type { LayoutContext } from '../methods/reasoning-method';
import { createMethod, type MethodSpecification } from '../methods/registry';
import { batchVisibility } from './batch-visibility';
import { methodVisibility } from './method-visibility';
import { resolveVisibility, type VisibilityTable } from './visibility-table';
import { roleMarks, WrittenRoles } from './written-roles';

const numbered = ['step_1', 'step_2', 'step_3'];
const resolve = (
  visibility: Parameters<typeof resolveVisibility>[0]['visibility'],
  {
    method = { name: 'heima' },
    stages = named,
    image = true,
  }: { method?: MethodSpecification; stages?: string[]; image?: boolean } = {},
) => methodVisibility({ method: createMethod(method), visibility, stages, image });
const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ name: 'ReasonerError', code, message: expect.stringMatching(message) as string });

describe('a visibility table', () => {
  it('is that of its name, for the stages that there are', () => {
    expect(resolve('all')).toBeUndefined();
    expect(resolve('answer')).toEqual({ image: [], question: [], answer: ['steps'] });
    expect(resolve('answer', { image: false })).toEqual({ question: [], answer: ['steps'] });
    expect(resolve('chain')).toEqual({
      image: [],
      question: [],
      summary: ['question'],
      caption: ['image'],
      reasoning: ['question', 'summary', 'caption'],
      answer: ['previous'],
    });
    expect(resolve('chain', { stages: ['summary', 'reasoning'] })?.reasoning).toEqual(['question', 'summary', 'image']);
    const chain = { question: [], steps: ['question', 'previous'], answer: ['previous'] };
    expect(resolve('chain', { stages: numbered, image: false })).toEqual(chain);
    expect(resolve('chain', { stages: ['plan', 'reasoning'], image: false })).toEqual(chain);
    expect(resolve('chain', { stages: numbered })).toEqual({
      ...chain,
      image: [],
      steps: ['question', 'image', 'previous'],
    });
    for (const name of ['pause', 'codi', 'cot', 'coconut', 'sim-cot', 'adaptive'] as const)
      expect(resolve('chain', { method: { name }, stages: numbered, image: false })).toEqual(chain);
  });

  it.each<[string, VisibilityTable | 'chain' | 'answer', Parameters<typeof resolve>[1], string, RegExp]>([
    [
      'a stage that sees and is not there',
      { plan: [] },
      {},
      'unknown-role',
      /"plan".*sees.*summary, caption, reasoning/,
    ],
    ['a stage that is seen and is not there', { answer: ['plan'] }, {}, 'unknown-role', /"plan".*"answer" sees/],
    ['a picture in a text', { answer: ['image', 'steps'] }, { image: false }, 'unknown-role', /"image"/],
    ['an answer that sees nothing', { answer: [] }, {}, 'blind-answer', /nothing/],
    ['one whose steps are gone', 'chain', { method: { name: 'no-cot' } }, 'blind-answer', /no step stands/],
    [
      'one whose thoughts were taken away',
      'answer',
      { method: { name: 'coconut', thoughts: 'none' } },
      'blind-answer',
      /no step/,
    ],
    [
      'one that looks for a step past the last',
      { answer: ['step_3'] },
      { method: { name: 'coconut', hiddenSteps: 2 }, stages: numbered },
      'blind-answer',
      /\[step_1, step_2\]/,
    ],
    ['a chain without marks', 'answer', { method: { name: 'icot' } }, 'visibility-unsupported', /"icot"/],
    [
      'an answer that sees candidates and nothing to choose by',
      'answer',
      { method: { name: 'graph', thoughts: 'none' } as never, stages: [], image: false },
      'blind-answer',
      /no step stands/,
    ],
    ['candidates that no role tells', { answer: ['candidates', 'steps'] }, {}, 'unknown-role', /"candidates"/],
    [
      'a stage called like another role',
      'answer',
      { stages: ['question', 'reasoning'] },
      'invalid-option',
      /called "question"/,
    ],
    [
      'thoughts fed by what they may not see',
      'chain',
      { method: { name: 'coconut' } },
      'invalid-option',
      /"caption".*"summary"/,
    ],
  ])('is refused for %s', (_, visibility, options, code, message) => {
    expect(() => resolve(visibility, options)).toThrow(refusal(code, message));
  });

  it('is refused where nothing tells what is written', () => {
    const { tokenizer } = smallContext();
    const format = { ...linesFormat, answer: { open: '', close: '' } };
    const method = createMethod({ name: 'cot' });
    expect(() => roleMarks({ format: coconutFormat, method, stages: numbered, tokenizer })).toThrow(
      refusal('visibility-unsupported', /"coconut" tokenizes marks together/),
    );
    expect(() => roleMarks({ format, method, stages: numbered, tokenizer })).toThrow(
      refusal('visibility-unsupported', /"lines"/),
    );
  });

  it('lets a role see itself, the prefix and what its line says, tags only of its own', () => {
    const table = resolve('chain')!;
    const roles = [
      'prefix',
      'image',
      'question',
      '<summary>',
      'summary',
      '<summary>',
      '<caption>',
      'caption',
      '<caption>',
    ];
    roles.push('<reasoning>', 'reasoning', '<reasoning>', 'answer');
    const {
      roles: numbers,
      count,
      sees,
      pictures,
    } = batchVisibility({ rows: [{ roles, table, offset: 1 }], time: 15 });
    const seen = (role: string) => {
      const row = numbers[1 + roles.indexOf(role)]!;
      return [...new Set(roles)].filter((key) => sees[row * count + numbers[1 + roles.indexOf(key)]!] === 1);
    };
    expect(numbers[0]).toBe(-1);
    expect(numbers[14]).toBe(-1);
    expect(seen('prefix')).toEqual(['prefix']);
    expect(seen('image')).toEqual(['prefix', 'image']);
    expect(seen('question')).toEqual(['prefix', 'question']);
    expect(seen('summary')).toEqual(['prefix', 'question', '<summary>', 'summary']);
    expect(seen('<caption>')).toEqual(['prefix', 'image', '<caption>', 'caption']);
    expect(seen('reasoning')).toEqual(['prefix', 'question', 'summary', 'caption', '<reasoning>', 'reasoning']);
    expect(seen('answer')).toEqual(['prefix', 'reasoning', 'answer']);
    const looking = [...new Set(roles)].filter((role) => pictures[numbers[1 + roles.indexOf(role)]!] === 1);
    expect(looking).toEqual(['image', '<caption>', 'caption']);
  });
});

describe('the roles of what is written', () => {
  const methods: MethodSpecification[] = [
    { name: 'heima' },
    { name: 'heima', thinkingTokens: { kind: 'fixed', count: 3 } },
    { name: 'heima', thinkingTokens: { kind: 'fixed', count: 2 }, closingTags: false },
    { name: 'cot' },
    { name: 'coconut', hiddenSteps: 2 },
    { name: 'coconut', hiddenSteps: 1, writeRest: true },
    { name: 'codi' },
    { name: 'pause' },
  ];
  it.each(methods.flatMap((method) => ['words', 'pieces'].map((tokens) => ({ method, tokens, name: method.name }))))(
    '$name are in every phase those that it was trained with, by marks of $tokens',
    ({ method: specification, tokens }) => {
      const method = createMethod(specification);
      for (const [format, example, stages] of [
        [taggedFormat, stagedExample, named],
        [linesFormat, steppedExample, numbered],
      ] as const) {
        const specialTokens = [...method.specialTokens({ stages }), ...format.tags({ stages })];
        let context: LayoutContext = smallContext({ format, specialTokens });
        if (tokens === 'pieces') {
          const texts = [...format.tags({ stages }), ...example.steps.map(({ text }) => text), example.question];
          const tokenizer = trainWordLevelTokenizer({
            texts: [...texts, `\n###  ${example.answer} `],
            specialTokens: method.specialTokens({ stages }),
          });
          context = { ...context, tokenizer, endId: tokenizer.idOf('</s>') };
          if (format === taggedFormat)
            expect(tokenizer.encode('<CAPTION>', { addSpecialTokens: false }).ids.length).toBeGreaterThan(1);
        }
        const table = { question: [], steps: ['question', 'previous'], answer: ['previous'] };
        const marks = roleMarks({ format, method, stages, tokenizer: context.tokenizer });
        for (const phase of method.curriculum({ stages })) {
          const { ids, roles, promptLength } = method.layout({ example, phase, context });
          const answerFirst = roles![promptLength] === 'answer';
          const written = new WrittenRoles({ table, marks, given: roles!.slice(0, promptLength), answerFirst });
          for (const id of ids) written.push(id);
          expect(written.roles).toEqual(roles);
          if (phase === method.curriculum({ stages }).at(-1)) {
            const prompt = method.promptRoles!({ example, stages, context });
            expect(prompt).toEqual(roles!.slice(0, prompt.length));
          }
          // What a wrong draft left behind is gone.
          const again = new WrittenRoles({ table, marks, given: roles!.slice(0, promptLength), answerFirst });
          for (const id of ids.slice(0, -2)) again.push(id);
          for (const id of [3, 4, 5]) again.push(id);
          again.forgetLast(3);
          const copy = again.copy();
          for (const id of ids.slice(-2)) copy.push(id);
          expect(copy.roles).toEqual(roles);
          expect(again.roles).toEqual(roles!.slice(0, -2));
        }
      }
    },
  );

  it('are nobody’s where a mark breaks off, comes unexpected or stands inside a stage', () => {
    const context = smallContext({ format: taggedFormat });
    const { tokenizer } = context;
    const [less, summary, caption, close, mark, word] = [90, 91, 92, 93, 94, 95];
    const marks = {
      stages: ['summary', 'caption'],
      of: (index: number) => ({
        stage: index === 0 ? 'summary' : 'caption',
        open: [less, index === 0 ? summary : caption],
        close: [close],
      }),
      answer: [less, mark],
    };
    expect(tokenizer.vocabularySize).toBeLessThan(90);
    const written = (ids: number[]) => {
      const reader = new WrittenRoles({ table: {}, marks, given: ['question'] });
      for (const id of [1, ...ids]) reader.push(id);
      return reader.roles.slice(1);
    };
    expect(written([less, summary, word, close, less, caption, word, close, less, mark, word])).toEqual([
      ...['<summary>', '<summary>', 'summary', '<summary>'],
      ...['<caption>', '<caption>', 'caption', '<caption>'],
      ...['answer', 'answer', 'answer'],
    ]);
    // The first piece looked as the summary; what it began is something else.
    expect(written([less, mark, word])).toEqual(['', 'answer', 'answer']);
    expect(written([less, word, close])).toEqual(['', 'summary', '<summary>']);
    // A stage that is left by another's mark: the mark looked as the stage.
    expect(written([less, summary, word, less, mark, word])).toEqual([
      ...['<summary>', '<summary>', 'summary'],
      ...['', '', 'answer'],
    ]);
    expect(written([word, close])).toEqual(['summary', '<summary>']);
  });
});
