import { join } from 'node:path';
import { settleCounts, settleOptions } from '../generators/dataset-generator';
import type { DatasetGenerator } from '../generators/dataset-generator';
import { generateScenes, scenePresets } from './generate-scenes';
import { sceneQuestionTypes } from './scene-questions';
import type { SceneQuestionType } from './scene-questions';

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** `generateScenes` as an entry of the registry. */
export const scenesGenerator: DatasetGenerator = {
  description: 'pictures of coloured shapes on a grid, questions of two hops or more, four stages in words',
  format: 'scenes',
  defaultCounts: { train: 16000, validation: 500, test: 1000 },
  options: {
    preset: { description: 'small: 2 × 2 cells; full: 2 × 3', default: 'small', choices: ['small', 'full'] },
    cellSize: { description: "a cell's side in pixels", default: 16 },
    square: { description: 'draw on a square canvas, black where the grid ends', default: true },
    types: {
      description: `kinds of question, separated by commas, of ${sceneQuestionTypes.join(', ')}`,
      default: scenePresets.small.types.join(','),
    },
    base: { description: 'also write base.jsonl, questions of one hop about the training pictures', default: true },
  },
  async write({ folder, counts, seed = 42, options = {}, peers, onProgress, signal }) {
    const { preset, cellSize, square, types, base } = settleOptions({ known: scenesGenerator.options, given: options });
    const report = await generateScenes({
      folder,
      count: settleCounts(scenesGenerator.defaultCounts, counts),
      seed,
      preset: preset as 'small' | 'full',
      cellSize: cellSize as number,
      square: square as boolean,
      types: (types as string).split(',') as SceneQuestionType[],
      base: base as boolean,
      ...(peers ? { peers } : {}),
      ...(onProgress ? { onProgress } : {}),
      ...(signal ? { signal } : {}),
    });
    const files = Object.fromEntries(
      (['train', 'validation', 'test'] as const)
        .filter((split) => report.counts[split] > 0)
        .map((split) => [split, join(report.folder, `${split}.jsonl`)]),
    );
    const kinds = Object.entries(report.baseline?.byCategory ?? {}).map(
      ([type, score]) => `${type} ${percent(score.accuracy)}`,
    );
    const notes = report.baseline
      ? [
          `The question alone answers ${percent(report.baseline.accuracy)} of ${report.baseline.examples} held-out questions (${kinds.join(', ')}).`,
        ]
      : [];
    return { folder: report.folder, files, counts: report.counts, kept: report.kept, notes };
  },
};
