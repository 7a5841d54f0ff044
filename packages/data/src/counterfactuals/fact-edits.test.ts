import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { ReasoningExample, SceneFacts } from '../reasoning-example';
import { captionFacts } from '../scenes/caption-facts';
import { generateScenes } from '../scenes/generate-scenes';
import { readScenes } from '../scenes/read-scenes';
import { sceneQuestionTypes } from '../scenes/scene-questions';
import { factEdits } from './fact-edits';

let root: string;
let examples: ReasoningExample[];
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'subtext-edits-'));
  await generateScenes({ folder: root, count: { train: 120 }, seed: 4, types: sceneQuestionTypes, base: false });
  examples = await readScenes({ folder: root, strict: true }).toArray();
});
afterAll(() => rm(root, { recursive: true }));

describe('factEdits', () => {
  it('changes one fact of the caption, and no colour comes twice', () => {
    for (const example of examples) {
      const { objects } = example.facts as SceneFacts;
      const edits = factEdits({ example, stage: 'caption' });
      expect(new Set(edits.map(({ text }) => text)).size).toBe(edits.length);
      for (const { text, change } of edits) {
        const told = captionFacts(text);
        const differences = told.flatMap((object, cell) =>
          (['colour', 'shape', 'place'] as const).filter((key) => object[key] !== objects[cell]![key]),
        );
        expect(differences).toHaveLength(1);
        expect(change).toContain(`${differences[0]!} in the `);
        expect(new Set(told.map(({ colour }) => colour)).size).toBe(4);
      }
    }
  });

  it('knows the answers of walks, those that depend on the fact and those that do not', () => {
    const walks = examples.filter(({ category }) => category === 'walk-shape');
    expect(walks.length).toBeGreaterThan(10);
    for (const example of walks) {
      const edits = factEdits({ example, stage: 'caption' });
      // Four cells, two free colours and three other shapes each; the target's three shapes are the answers that change.
      expect(edits).toHaveLength(4 * (2 + 3));
      const changed = edits.filter(({ answer }) => answer !== example.answer);
      expect(changed).toHaveLength(3);
      for (const { change, answer } of changed) expect(change).toMatch(new RegExp(`^shape in the .* → ${answer}$`));
    }
  });

  it('has none for other stages, other captions and other data', () => {
    const [example] = examples as [ReasoningExample];
    expect(factEdits({ example, stage: 'reasoning' })).toEqual([]);
    const own = example.steps.map((step) => ({ ...step, text: `so : ${step.text}` }));
    expect(factEdits({ example: { ...example, steps: own }, stage: 'caption' })).toEqual([]);
    const { facts: _facts, ...plain } = example;
    expect(factEdits({ example: plain, stage: 'caption' })).toEqual([]);
  });
});
