import { RandomStream } from '@subtext/core';
import { describe, expect, test } from 'vitest';

import { DataError } from '../errors';
import type { DecodedImage } from '../images/decoded-image';
import { drawScene } from './draw-scene';
import { SceneGrid, sceneColourNames, sceneObjects, sceneShapes } from './scene-world';
import type { Scene } from './scene-world';
import { seeScene } from './see-scene';

const draw = (scene: Scene, grid: SceneGrid, random: RandomStream) => drawScene({ scene, grid, cellSize: 16, random });
const anyScene = (grid: SceneGrid, random: RandomStream): Scene => ({
  colours: random.shuffle(sceneColourNames).slice(0, grid.cells),
  shapes: Array.from({ length: grid.cells }, () => random.pick(sceneShapes)),
});

describe('seeScene', () => {
  test('reads what the generator drew, on every kind of canvas', () => {
    const random = new RandomStream({ seed: 3, name: 'scenes' });
    for (const [rows, columns] of [
      [2, 2],
      [2, 3],
      [1, 4],
      [3, 1],
    ] as const) {
      const grid = new SceneGrid({ rows, columns });
      for (let index = 0; index < 100; index++) {
        const scene = anyScene(grid, random);
        expect(seeScene({ picture: draw(scene, grid, random), rows, columns })).toEqual(sceneObjects({ scene, grid }));
      }
    }
  });

  test('reads the mean of many drawings of a scene, which is what least squares draw of what they cannot know', () => {
    const random = new RandomStream({ seed: 4, name: 'blurred' });
    const grid = new SceneGrid({ rows: 2, columns: 2 });
    for (let index = 0; index < 20; index++) {
      const scene = anyScene(grid, random);
      const each = Array.from({ length: 40 }, () => draw(scene, grid, random));
      const data = each[0]!.data.map((_, at) => each.reduce((sum, one) => sum + one.data[at]!, 0) / each.length);
      const picture: DecodedImage = { ...each[0]!, data };
      expect(seeScene({ picture, rows: 2, columns: 2 })).toEqual(sceneObjects({ scene, grid }));
    }
  });

  test('sees nothing where it is black, and refuses what cannot be cut into cells', () => {
    const picture = { width: 32, height: 32, data: new Uint8Array(32 * 32 * 3).fill(20) };
    expect(seeScene({ picture, rows: 2, columns: 2 })).toEqual(
      ['top-left', 'top-right', 'bottom-left', 'bottom-right'].map((place) => ({ place })),
    );
    const small = { width: 6, height: 6, data: new Uint8Array(108) };
    expect(() => seeScene({ picture: small, rows: 2, columns: 2 })).toThrow(DataError);
    expect(() => seeScene({ picture: { ...picture, height: 10 }, rows: 2, columns: 2 })).toThrow(/cannot be cut/);
  });
});
