import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { generateArithmetic } from '../generators/arithmetic';
import { generateProsQA } from '../generators/prosqa';
import { generateModularArithmetic } from '../generators/modular-arithmetic';
import type { ReasoningExample, SceneFacts } from '../reasoning-example';
import { generateScenes } from '../scenes/generate-scenes';
import { readScenes } from '../scenes/read-scenes';
import { sceneQuestionTypes } from '../scenes/scene-questions';
import { findCounterfactuals } from './find-counterfactuals';

const pairsOf = <Kind>(list: readonly Kind[]) =>
  list.map((example, index) => ({ example, partner: list[(index + 1) % list.length]! }));

describe('scenes', () => {
  let root: string;
  let examples: ReasoningExample[];
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'subtext-counterfactuals-'));
    await generateScenes({ folder: root, count: { train: 240 }, seed: 4, types: sceneQuestionTypes, base: false });
    examples = await readScenes({ folder: root, strict: true }).toArray();
  });
  afterAll(() => rm(root, { recursive: true }));

  it('gives every example its own answer with its own stage', () => {
    const answer = findCounterfactuals({ examples })!;
    for (const example of examples)
      for (const stage of ['summary', 'caption', 'reasoning'])
        expect(answer({ example, partner: example, stage })).toBe(example.answer);
  });

  it('answers the question about the partner’s scene, or the partner’s about the own, or with its reasoning', () => {
    const scene = (places: Record<string, string>): SceneFacts => ({
      kind: 'scene',
      rows: 2,
      columns: 2,
      objects: Object.entries(places).map(([place, words]) => {
        const [colour, shape] = words.split(' ') as [string, string];
        return { place, colour, shape };
      }),
    });
    const example: ReasoningExample = {
      id: 'one',
      question: 'start at the top-left , go right , then go down . what shape is there ?',
      steps: [],
      answer: 'cross',
      category: 'walk-shape',
      facts: scene({
        'top-left': 'red circle',
        'top-right': 'blue square',
        'bottom-left': 'green triangle',
        'bottom-right': 'white cross',
      }),
    };
    const partner: ReasoningExample = {
      id: 'two',
      question: 'start at the bottom-right , go up , then stay put . what shape is there ?',
      steps: [],
      answer: 'circle',
      category: 'walk-shape',
      facts: scene({
        'top-left': 'blue cross',
        'top-right': 'red circle',
        'bottom-left': 'white cross',
        'bottom-right': 'green triangle',
      }),
    };
    const answer = findCounterfactuals({ examples: [example, partner] })!;
    expect(answer({ example, partner, stage: 'caption' })).toBe('triangle');
    expect(answer({ example, partner, stage: 'summary' })).toBe('square');
    expect(answer({ example, partner, stage: 'reasoning' })).toBe('circle');
    expect(answer({ example, partner, stage: 'thoughts' })).toBeNull();
    const colour = { ...partner, category: 'walk-colour', answer: 'red' };
    // A colour is no answer to what shape is there.
    expect(answer({ example, partner: colour, stage: 'reasoning' })).toBeNull();
    const astray = {
      ...example,
      category: 'shape',
      question: 'start at the purple object and go up . what shape is that object ?',
    };
    expect(answer({ example: astray, partner, stage: 'caption' })).toBeNull();
  });

  it('knows the truth of most exchanges, which often differs from the answer', () => {
    const answer = findCounterfactuals({ examples })!;
    const walks = examples.filter(({ category }) => category === 'walk-shape');
    const known = pairsOf(walks).map(({ example, partner }) => ({
      own: example.answer,
      told: answer({ example, partner, stage: 'caption' }),
    }));
    expect(known.every(({ told }) => told !== null)).toBe(true);
    expect(known.filter(({ own, told }) => own !== told).length).toBeGreaterThan(walks.length / 2);
  });
});

describe('graphs', () => {
  const graph = (edges: [number, number][], target: number, negativeTarget: number): ReasoningExample => ({
    id: `${target}`,
    question: '',
    steps: [],
    answer: String(target),
    facts: { kind: 'graph', edges, root: 0, target, negativeTarget, symbols: [], neighborsByHop: [] },
  });

  it('goes on along the own edges from the nodes that a hop of the partner holds', () => {
    const own = graph([[0, 1], [1, 2], [5, 3]], 2, 3); // prettier-ignore
    const partner = graph([[0, 5], [5, 3], [3, 4]], 4, 9); // prettier-ignore
    const answer = findCounterfactuals({ examples: [own, partner] })!;
    // The partner's first hop holds 5, from where an own edge leads to 3; its second holds 3 itself.
    expect(answer({ example: own, partner, stage: 'hop 1' })).toBe('3');
    expect(answer({ example: own, partner, stage: 'hop 2' })).toBe('3');
    // Its third is 4, after the own first two reached the target.
    expect(answer({ example: own, partner, stage: 'hop 3' })).toBe('2');
    expect(answer({ example: own, partner: own, stage: 'hop 1' })).toBe('2');
    expect(answer({ example: own, partner, stage: 'hop 4' })).toBeNull();
    expect(answer({ example: own, partner, stage: 'caption' })).toBeNull();
    const dead = graph([[0, 6]], 6, 1);
    expect(answer({ example: own, partner: dead, stage: 'hop 1' })).toBeNull();
  });

  it('gives every generated example its own answer with its own hops', () => {
    const examples = [...generateProsQA({ count: 60, seed: 5, hops: { minimum: 3, maximum: 4 } })].map((example) => ({
      ...example,
      answer: String((example.facts as { target: number }).target),
    }));
    const answer = findCounterfactuals({ examples })!;
    for (const example of examples)
      for (const stage of ['hop 1', 'hop 2', 'hop 3', 'hop 4'])
        expect(answer({ example, partner: example, stage })).toBe(example.answer);
  });
});

describe('chains of equations', () => {
  it('runs the rest of the chain again from the partner’s number', () => {
    const chain = (steps: string[], answer: string): ReasoningExample => ({
      id: answer,
      question: '',
      steps: steps.map((text) => ({ text })),
      answer,
    });
    const example = chain(['<<12+5=17>>', '<<17*2=34>>', '<<34-4=30>>'], '30');
    const partner = chain(['<<3+6=9>>', '<<9-2=7>>'], '7');
    const answer = findCounterfactuals({ examples: [example, partner] })!;
    expect(answer({ example, partner, stage: 'step_1' })).toBe(String(9 * 2 - 4));
    expect(answer({ example, partner, stage: 'step_2' })).toBe(String(7 - 4));
    expect(answer({ example, partner, stage: 'step_3' })).toBeNull();
    // 17 − 2 = 15; 34 is beyond the partner's chain.
    expect(answer({ example: partner, partner: example, stage: 'step_1' })).toBe('15');
    const halves = chain(['<<8+2=10>>', '<<10/5=2>>'], '2');
    expect(
      findCounterfactuals({ examples: [halves, partner] })!({ example: halves, partner, stage: 'step_1' }),
    ).toBeNull();
  });

  it.each([
    ['plain', [...generateArithmetic({ count: 300, seed: 3 })]],
    ['modulo 10', [...generateModularArithmetic({ count: 300, seed: 3 })]],
  ])('gives every generated example its own answer with its own step: %s', (_, examples) => {
    const answer = findCounterfactuals({ examples })!;
    for (const example of examples)
      for (const index of example.steps.keys())
        expect(answer({ example, partner: example, stage: `step_${index + 1}` })).toBe(example.answer);
  });

  it('counts modulo what the data counts modulo', () => {
    const examples = [...generateModularArithmetic({ count: 200, seed: 3, modulus: 7 })];
    const answer = findCounterfactuals({ examples })!;
    let known = 0;
    for (const { example, partner } of pairsOf(examples)) {
      const told = answer({ example, partner, stage: 'step_1' });
      expect(told).not.toBeNull();
      let value = Number(partner.steps[0]!.text.split('=')[1]);
      for (const { text } of example.steps.slice(1)) {
        const [, operator, operand] = /([-+*])(\d+) =/.exec(text)!;
        const by = Number(operand);
        value = (operator === '+' ? value + by : operator === '-' ? value - by + 7 : value * by) % 7;
      }
      expect(told).toBe(String(value));
      known++;
    }
    expect(known).toBe(200);
  });

  it('tells nothing of steps that are no such chain', () => {
    const words = { id: '1', question: '', steps: [{ text: 'Max is a cat.' }], answer: 'True' };
    expect(findCounterfactuals({ examples: [words] })).toBeUndefined();
    expect(findCounterfactuals({ examples: [] })).toBeUndefined();
    const wrong = { id: '1', question: '', steps: [{ text: '<<12+5=18>>' }], answer: '18' };
    expect(findCounterfactuals({ examples: [wrong] })).toBeUndefined();
  });
});
