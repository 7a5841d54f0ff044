import { createHash } from 'node:crypto';
import { DataError } from '../errors';
import { RandomStream } from '@subtext/core';
import { drawQuestion, possibleAnswers, describeQuestion } from './scene-questions';
import type { SceneQuestion, SceneQuestionType } from './scene-questions';
import type { SceneGrid } from './scene-world';

/** The splits in the order they are drawn: the test set stays the same when the training set grows. */
export const sceneSplits = ['test', 'validation', 'train'] as const;
export type SceneSplit = (typeof sceneSplits)[number];

function hash(...parts: string[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('base64');
}

/**
 * Draws every split's questions: no scene stands in two splits, no question is asked twice of a scene; types, and
 * answers within a type, are equally frequent to within one.
 * @throws DataError `space-exhausted` where the grid has too few scenes
 */
export function drawSplits(options: {
  seed: number;
  grid: SceneGrid;
  types: readonly SceneQuestionType[];
  counts: Record<SceneSplit, number>;
}): Record<SceneSplit, SceneQuestion[]> {
  const { seed, grid, types, counts } = options;
  const owner = new Map<string, SceneSplit>();
  const asked = new Set<string>();
  const drawn: Record<SceneSplit, SceneQuestion[]> = { train: [], validation: [], test: [] };
  for (const split of sceneSplits) {
    const random = new RandomStream({ seed, name: `scenes/${split}` });
    const plan = Array.from({ length: counts[split] }, (_, index) => {
      const type = types[index % types.length]!;
      const answers = possibleAnswers({ type, grid });
      return { type, answer: answers[Math.floor(index / types.length) % answers.length]! };
    });
    for (const { type, answer } of random.shuffle(plan)) {
      for (let attempts = 0; ; attempts += 1) {
        if (attempts === 10_000) {
          throw new DataError({
            code: 'space-exhausted',
            message: `no new scene was found for example ${drawn[split].length + 1} of ${split}: a grid of ${grid.rows} × ${grid.columns} has too few scenes for these counts; take fewer or a larger grid.`,
          });
        }
        const question = drawQuestion({ type, answer, grid, random });
        const scene = hash(question.scene.colours.join(' '), question.scene.shapes.join(' '));
        const whole = hash(scene, describeQuestion({ question, grid }).question);
        if ((owner.get(scene) ?? split) !== split || asked.has(whole)) continue;
        owner.set(scene, split);
        asked.add(whole);
        drawn[split].push(question);
        break;
      }
    }
  }
  return drawn;
}
