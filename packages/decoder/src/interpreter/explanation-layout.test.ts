import { trainWordLevelTokenizer } from '@subtext/tokenizer';
import { describe, expect, it } from 'vitest';

import { type ExplanationContext, layoutExplanation, templateCount } from './explanation-layout';
import { promptTemplates } from './explanatory-prompts';

const words = Object.values(promptTemplates).flatMap(({ templates }) =>
  templates.map((template) => template.replace(/\{\w+\}/g, ' ')),
);
const tokenizer = trainWordLevelTokenizer({
  texts: ['what is there ? a red cross', ...words],
  split: 'whitespace',
  specialTokens: ['<thought>', '<CAPTION>'],
});
const context: ExplanationContext = {
  tokenizer,
  templates: 'brief',
  slotId: tokenizer.idOf('<thought>'),
  prefix: [tokenizer.beginId!],
  endId: tokenizer.endId!,
  opening: (stage) => `<${stage.toUpperCase()}>`,
};
const question = 'what is there ?';

describe('layoutExplanation', () => {
  it('puts a slot for each thought after the question, and loss on the explanation alone', () => {
    const { ids, slots, labels, promptLength } = layoutExplanation({
      question,
      stage: 'caption',
      thoughts: 2,
      text: 'a red cross',
      context,
    });
    expect(tokenizer.decode(ids)).toBe('<s> what is there ? <thought> <thought> <CAPTION> a red cross </s>');
    expect(slots).toEqual([5, 6]);
    expect(promptLength).toBe(8);
    expect(labels).toEqual(ids.map((id, position) => (position < 8 ? -100 : id)));
  });

  it('has neither slot nor state where only the question is given, and no question where it is left out', () => {
    expect(tokenizer.decode(layoutExplanation({ question, stage: 'caption', thoughts: 0, context }).ids)).toBe(
      '<s> what is there ? <CAPTION>',
    );
    expect(
      tokenizer.decode(
        layoutExplanation({ question, stage: 'caption', thoughts: 1, context: { ...context, withQuestion: false } })
          .ids,
      ),
    ).toBe('<s> <thought> <CAPTION>');
  });

  it('has ten explanatory templates, each with one question and one thought', () => {
    expect(templateCount('explanatory')).toBe(10);
    for (const template of promptTemplates.explanatory!.templates) {
      expect(template.match(/\{question\}/g)).toHaveLength(1);
      expect(template.match(/\{thought\}/g)).toHaveLength(1);
    }
    const prompts = Array.from({ length: 10 }, (_, template) =>
      layoutExplanation({
        question,
        stage: 'caption',
        thoughts: 1,
        template,
        context: { ...context, templates: 'explanatory' },
      }),
    );
    expect(new Set(prompts.map(({ ids }) => ids.join())).size).toBe(10);
  });

  it('refuses templates that do not exist', () => {
    expect(() =>
      layoutExplanation({ question, stage: 'caption', thoughts: 1, context: { ...context, templates: 'poetic' } }),
    ).toThrow(/brief, explanatory/);
  });

  it("takes no set of templates from JavaScript's own names", () => {
    for (const templates of ['constructor', '__proto__', 'toString'])
      expect(() => templateCount(templates)).toThrow(
        expect.objectContaining({ code: 'invalid-option', message: expect.stringContaining(templates) as string }),
      );
  });
});
