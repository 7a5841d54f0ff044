import { generateProsQA, type GraphFacts, type ReasoningExample } from '@subtext/data';
import { classifyNodes, measureSuperposition, nodeClasses } from '@subtext/decoder';
import { Reasoner, formatGraphQuestion } from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { trainToyReasoner, toyExamples } from '../../test/toy-reasoner';
import { prosqaGraph } from '../tasks/prosqa-graph';
import { renderReport } from '../report/render-report';
import { superpositionSections } from './superposition-sections';

const checkpoint = fileURLToPath(new URL('../../../../docs/results/checkpoints/graphs', import.meta.url));
const facts: GraphFacts = {
  kind: 'graph',
  edges: [
    [0, 2],
    [0, 3],
    [2, 4],
    [3, 4],
    [3, 5],
    [4, 6],
    [1, 7],
  ],
  root: 0,
  target: 6,
  negativeTarget: 7,
  symbols: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'],
  neighborsByHop: [[0], [2, 3], [4], [6]],
};

/** Generated questions, as the task asks them. */
function questions(count: number): ReasoningExample[] {
  return [...generateProsQA({ count, seed: 987_654, hops: { minimum: 3, maximum: 4 } })].map((example) => {
    const { edges, root, target, negativeTarget } = example.facts as GraphFacts;
    return {
      ...example,
      question: formatGraphQuestion({
        edges,
        root,
        candidates: Number(example.id) % 2 === 0 ? [target, negativeTarget] : [negativeTarget, target],
      }),
      answer: String(target),
    };
  });
}

let reasoner: Reasoner;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  reasoner = await Reasoner.load({ folder: checkpoint });
});
afterAll(() => reasoner.dispose());

describe('classifyNodes', () => {
  it('tells the nodes of a hop from those before and beyond', () => {
    expect(classifyNodes({ facts, hop: 1 })).toEqual([
      'reachable',
      'unreachable',
      'optimal',
      'optimal',
      'unreachable',
      'unreachable',
      'unreachable',
      'unreachable',
    ]);
    expect(classifyNodes({ facts, hop: 2 })).toEqual([
      'reachable',
      'unreachable',
      'reachable',
      'reachable',
      'optimal',
      'frontier',
      'unreachable',
      'unreachable',
    ]);
    expect(classifyNodes({ facts, hop: 4 })[6]).toBe('reachable');
  });
});

describe('measureSuperposition', () => {
  it('finds the frontier in the thoughts of the trained checkpoint: over all thoughts optimal > frontier > reachable > unreachable', async () => {
    const examples = questions(60);
    const answers = await reasoner.think({ questions: examples.map(({ question }) => ({ question })) });
    expect(
      answers.filter(({ answer }, index) => answer === examples[index]!.answer).length / examples.length,
    ).toBeGreaterThan(0.85);
    const superposition = await measureSuperposition({ reasoner, task: prosqaGraph, examples });
    expect(superposition.questions).toBe(60);
    const means = nodeClasses.map((name) => superposition.overall[name]!.mean);
    expect(means).toEqual([...means].sort((a, b) => b - a));
    expect(superposition.thoughts).toHaveLength(4);
    for (const { classes, aboveUnreachable } of superposition.thoughts) {
      // What is on the frontier stands far above what is not, in every thought.
      const [optimal, frontier, reachable, unreachable] = nodeClasses.map((name) => classes[name]!.mean) as [
        number,
        number,
        number,
        number,
      ];
      expect(Math.min(optimal, frontier)).toBeGreaterThan(Math.max(reachable, unreachable) + 1);
      expect(aboveUnreachable.optimal).toBeGreaterThan(0.8);
    }
    // The first thought of the first question: its highest product is that of a child of the root.
    const { root, edges } = examples[0]!.facts as GraphFacts;
    expect(edges).toContainEqual([root, superposition.first[0]!.nodes[0]!.node]);
    const page = renderReport({ title: 'Thoughts', summary: 'x', sections: superpositionSections({ superposition }) });
    expect(page).toContain('optimal above every unreachable node');
  });

  it('says what is missing where thoughts cannot be compared with nodes', async () => {
    await expect(measureSuperposition({ reasoner, task: prosqaGraph, examples: [] })).rejects.toMatchObject({
      code: 'empty-set',
    });
    await expect(
      measureSuperposition({
        reasoner,
        task: prosqaGraph,
        examples: questions(1).map(({ facts: _, ...example }) => example),
      }),
    ).rejects.toMatchObject({ code: 'invalid-task-data' });
    const toy = trainToyReasoner({ steps: 1 });
    await expect(
      measureSuperposition({ reasoner: toy, task: prosqaGraph, examples: toyExamples({ count: 1 }) }),
    ).rejects.toMatchObject({
      code: 'unsuitable-reasoner',
      message: expect.stringContaining('no tokens for node numbers'),
    });
    toy.dispose();
    const silent = new Reasoner({
      model: reasoner.model,
      tokenizer: reasoner.tokenizer,
      settings: { ...reasoner.settings, method: { name: 'graph', thoughts: 'none' } },
    });
    await expect(
      measureSuperposition({ reasoner: silent, task: prosqaGraph, examples: questions(1) }),
    ).rejects.toMatchObject({ code: 'unsuitable-reasoner', message: expect.stringContaining('without thoughts') });
  });
});
