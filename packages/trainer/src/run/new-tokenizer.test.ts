import {
  generators,
  generateArithmetic,
  generateCoveredCells,
  generateCoveredScenes,
  generateFactQuestions,
  generateMazes,
  generateMinimumSum,
  generateModularArithmetic,
  generateMultiplication,
  generatePlantedIntent,
  generateProntoQA,
  generateProsQA,
  generateSudoku,
  type ReasoningExample,
} from '@subtext/data';
import {
  createMethod,
  linesFormat,
  type LayoutContext,
  type MethodSpecification,
  stagesOf,
  taggedFormat,
} from '@subtext/reasoner';
import { loadTokenizer } from '@subtext/tokenizer';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { TrainerError } from '../errors';
import { newTokenizer } from './new-tokenizer';
import { resolveStages } from './resolve-stages';

const take = (stream: Iterable<ReasoningExample>, count: number): ReasoningExample[] => {
  const taken: ReasoningExample[] = [];
  for (const example of stream) {
    taken.push(example);
    if (taken.length === count) break;
  }
  return taken;
};
const gsm8k: ReasoningExample[] = [
  {
    id: '1',
    question: 'Weng earns $12 an hour for babysitting.  Yesterday, she did 50 minutes (0.5 + 20/60 h).\tHow much?',
    steps: [{ text: '<<12/60=0.2>>' }, { text: '<<0.2*50=10>>' }],
    answer: '10',
  },
  {
    id: '2',
    question: 'Café "Ω" sold 1,250 cups at 3% off — why?',
    steps: [{ text: '<<1250*0.97=1212.5>>' }],
    answer: '1212.5',
  },
];
const sets: Record<string, ReasoningExample[]> = {
  prosqa: take(generateProsQA({ seed: 3 }), 20),
  prontoqa: take(generateProntoQA({ seed: 3 }), 20),
  multiplication: take(generateMultiplication({ seed: 3 }), 20),
  arithmetic: take(generateArithmetic({ seed: 3 }), 20),
  'modular-arithmetic': take(generateModularArithmetic({ seed: 3 }), 20),
  'fact-sheets': take(generateFactQuestions({ seed: 3, questions: 3 }), 20),
  'minimum-sum': take(generateMinimumSum({ seed: 3 }), 20),
  'covered-cells': take(generateCoveredCells({ seed: 3 }), 20),
  'covered-scenes': take(generateCoveredScenes({ seed: 3 }), 20),
  'planted-intent': take(generatePlantedIntent({ seed: 3 }), 20),
  sudoku: take(generateSudoku({ seed: 3 }), 20),
  maze: take(generateMazes({ seed: 3, rooms: 3 }), 20),
  'gsm8k-like': gsm8k,
};

/** The tokenizer as it is after a round through its folder. */
async function savedAndLoaded(options: Parameters<typeof newTokenizer>[0]) {
  const folder = await mkdtemp(join(tmpdir(), 'subtext-tokenizer-'));
  try {
    await newTokenizer(options).save({ folder });
    return await loadTokenizer({ folder });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe('the tokenizer of a new model', () => {
  it('has a set of each text generator here', () => {
    expect(Object.keys(sets)).toEqual(
      expect.arrayContaining(Object.keys(generators).filter((name) => name !== 'scenes')),
    );
  });

  it.each(Object.keys(sets))('gives every text of %s back exactly, laid out by any method', async (name) => {
    const examples = sets[name]!;
    const stages = stagesOf(examples);
    const specifications: MethodSpecification[] = [
      { name: 'cot' },
      { name: 'no-cot' },
      { name: 'icot' },
      { name: 'pause', count: 2 },
      { name: 'coconut', hiddenSteps: 2 },
    ];
    for (const specification of specifications) {
      const method = createMethod(specification);
      const tokenizer = await savedAndLoaded({ examples, stages, format: linesFormat, methods: [method] });
      const context: LayoutContext = { tokenizer, format: linesFormat, endId: tokenizer.idOf('</s>') };
      const phase = method.curriculum({ stages })[0]!;
      for (const example of examples) {
        const { ids } = method.layout({ example, phase, context });
        const { question, steps, answer } = example;
        const chain =
          specification.name === 'no-cot' || specification.name === 'pause' ? [] : steps.map(({ text }) => `${text}\n`);
        const marks =
          { pause: '<pause><pause>', coconut: '<|start-latent|><|end-latent|>' }[specification.name as string] ?? '';
        expect(tokenizer.decode(ids, { skipSpecialTokens: false })).toBe(
          `${question}\n${marks}${chain.join('')}### ${answer}</s>`,
        );
        expect(ids).not.toContain(tokenizer.idOf('<unk>'));
      }
    }
  });

  it('holds the answer\u2019s mark in one token, digits in one each, and a tag for each stage that interpreters explain', () => {
    const examples = sets.arithmetic!;
    const stages = stagesOf(examples);
    const tokenizer = newTokenizer({ examples, stages, format: linesFormat, methods: [], explained: true });
    const encode = (text: string) => tokenizer.encode(text, { addSpecialTokens: false }).ids;
    expect(encode('### ')).toEqual([tokenizer.idOf('### ')]);
    expect(encode('\n')).toHaveLength(1);
    expect(encode('512')).toHaveLength(3);
    expect(encode('<STEP_2>')).toEqual([tokenizer.idOf('<STEP_2>')]);
  });

  it('keeps whole words between white space, and the stages\u2019 tags, in the tagged format', () => {
    const examples: ReasoningExample[] = [
      {
        id: '1',
        question: 'what is at top-left ?',
        steps: [{ name: 'caption', text: 'a red-ish cube .' }],
        answer: 'cube',
      },
    ];
    const tokenizer = newTokenizer({ examples, stages: ['caption'], format: taggedFormat, methods: [] });
    expect(tokenizer.encode('top-left ?', { addSpecialTokens: false }).ids).toHaveLength(2);
    expect(tokenizer.encode('<CAPTION>cube</CAPTION>', { addSpecialTokens: false }).ids).toHaveLength(3);
  });
});

describe('the stages of a run', () => {
  const unnamed = sets.prosqa!;
  const longest = Math.max(...unnamed.map(({ steps }) => steps.length));

  it('are those of the data, numbered where they have no names', () => {
    expect(resolveStages({ stages: 'auto', examples: unnamed })).toEqual(
      Array.from({ length: longest }, (_, index) => `step_${index + 1}`),
    );
    const named = [
      {
        id: '1',
        question: 'q',
        steps: [
          { name: 'summary', text: 's' },
          { name: 'caption', text: 'c' },
        ],
        answer: 'a',
      },
    ];
    expect(resolveStages({ stages: 'auto', examples: named })).toEqual(['summary', 'caption']);
    expect(resolveStages({ stages: ['caption'], examples: named })).toEqual(['caption']);
  });

  it('must be in the data where they are given', () => {
    expect(() => resolveStages({ stages: ['summary', 'step_1'], examples: unnamed })).toThrow(TrainerError);
    expect(() => resolveStages({ stages: ['summary', 'step_1'], examples: unnamed })).toThrow(
      /"summary".*step_1, step_2/,
    );
  });
});
