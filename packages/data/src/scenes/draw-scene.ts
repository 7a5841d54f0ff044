import type { DecodedImage } from '../images/load-image';
import type { RandomStream } from '../random';
import { sceneColours } from './scene-world';
import type { Scene, SceneGrid, SceneShape } from './scene-world';

/** Samples a pixel in each direction: 9 shades at an edge. */
const samples = 3;

/** Whether a point, relative to the shape's centre, lies within a shape of half size `radius`; y grows downwards. */
const inside: Record<SceneShape, (x: number, y: number, radius: number) => boolean> = {
  circle: (x, y, radius) => x * x + y * y < radius * radius,
  square: (x, y, radius) => Math.max(Math.abs(x), Math.abs(y)) < 0.88 * radius,
  triangle: (x, y, radius) => y < 0.8 * radius && Math.abs(x) < 0.6 * (y + radius),
  cross: (x, y, radius) =>
    (Math.abs(x) < 0.36 * radius && Math.abs(y) < radius) || (Math.abs(y) < 0.36 * radius && Math.abs(x) < radius),
};

/**
 * Draws a scene on black, anti-aliased. Every object is moved off its cell's centre by up to 1.5/16 of the cell in each
 * direction, has a half size of 4.5/16 to 6.5/16 of the cell, and a colour up to 15 levels off its own in each channel.
 */
export function drawScene(options: { scene: Scene; grid: SceneGrid; cellSize: number; random: RandomStream }): DecodedImage {
  const { scene, grid, cellSize, random } = options;
  const width = grid.columns * cellSize;
  const height = grid.rows * cellSize;
  const data = new Uint8Array(width * height * 3);
  const unit = cellSize / 16;
  for (let cell = 0; cell < grid.cells; cell += 1) {
    const centreX = cellSize / 2 + random.uniform(-1.5, 1.5) * unit;
    const centreY = cellSize / 2 + random.uniform(-1.5, 1.5) * unit;
    const radius = random.uniform(4.5, 6.5) * unit;
    const colour = sceneColours[scene.colours[cell]!].map((level) => Math.min(255, Math.max(0, level + random.uniform(-15, 15))));
    const covers = inside[scene.shapes[cell]!];
    const left = (cell % grid.columns) * cellSize;
    const top = Math.floor(cell / grid.columns) * cellSize;
    for (let row = 0; row < cellSize; row += 1) {
      for (let column = 0; column < cellSize; column += 1) {
        let covered = 0;
        for (let sample = 0; sample < samples * samples; sample += 1) {
          const x = column + ((sample % samples) + 0.5) / samples - centreX;
          const y = row + (Math.floor(sample / samples) + 0.5) / samples - centreY;
          if (covers(x, y, radius)) covered += 1;
        }
        if (covered === 0) continue;
        const share = covered / (samples * samples);
        const at = ((top + row) * width + left + column) * 3;
        for (let channel = 0; channel < 3; channel += 1) {
          data[at + channel] = Math.round(colour[channel]! * share);
        }
      }
    }
  }
  return { data, width, height };
}
