import type { ReasoningExample } from '@subtext/data';
import type { ExplanationBatch } from '@subtext/decoder';
import { collateLayouts, createMethod, type LayoutContext, taggedFormat } from '@subtext/reasoner';
import { trainWordLevelTokenizer } from '@subtext/tokenizer';
import { expect, it } from 'vitest';

import { explanation } from './explanation';

const stages = ['caption'];
const example: ReasoningExample = {
  id: '1',
  question: 'what is there ?',
  steps: [{ name: 'caption', text: 'a red one . a blue one .' }],
  answer: 'red',
};

it.each([false, true])('thoughts are explained by themselves where parts are told: %s', async (parts) => {
  const method = createMethod({ name: 'heima', thinkingTokens: { kind: 'fixed', count: 2 }, textPhase: false });
  const tokenizer = trainWordLevelTokenizer({
    texts: [example.question, example.steps[0]!.text, example.answer],
    split: 'whitespace',
    specialTokens: ['<slot>', ...taggedFormat.tags({ stages }), ...method.specialTokens({ stages })],
  });
  const context: LayoutContext = { tokenizer, format: taggedFormat, endId: tokenizer.idOf('</s>') };
  const phase = method.curriculum({ stages }).at(-1)!;
  const layout = method.layout({ example, phase, context });
  const batch = collateLayouts({ layouts: [layout], padId: 0, lossWeight: 1 });
  const [[found]] = (await explanation.parts!({
    shards: [[{ example, layout }]],
    batches: [batch],
    set: { examples: [example], method, context, seed: 1, shards: 1 },
    data: {
      context: {
        tokenizer,
        templates: 'brief',
        slotId: tokenizer.idOf('<slot>'),
        endId: context.endId,
        opening: () => '<CAPTION>',
      },
      interpreterOf: () => 0,
      interpreters: 1,
      reading: 'at',
      parts,
    },
    counters: [1],
  })) as [[ExplanationBatch]];
  const { rows, time, ids, lossLabels, stateRows } = found;
  expect(rows).toBe(parts ? 2 : 1);
  expect([...stateRows]).toEqual(layout.thoughts.map(({ position }) => position));
  const texts = Array.from({ length: rows }, (_, row) =>
    tokenizer.decode([...ids.subarray(row * time, (row + 1) * time)], { skipSpecialTokens: true }),
  );
  const expected = parts ? ['a red one .', 'a blue one .'] : ['a red one . a blue one .'];
  expect(texts.map((text, row) => text.endsWith(expected[row]!))).toEqual(expected.map(() => true));
  expect(tokenizer.decode([...lossLabels], { skipSpecialTokens: true })).toBe(example.steps[0]!.text);
});
