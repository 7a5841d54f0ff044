import type { DecodedImage } from '../images/decoded-image';
import type { RandomStream } from '@subtext/core';
import { sceneColours } from './scene-world';
import type { Scene, SceneGrid, SceneShape } from './scene-world';

/** Samples a pixel in each direction: 10 shades at an edge. */
const samples = 3;

/** The grey of a card that covers a cell, in each channel, and the black around it, in sixteenths of the cell. */
const card = { level: 110, edge: 1 } as const;

/**
 * Half the width of a shape of half size `radius` at height `y` below its centre; 0 where it has no part. Every shape is
 * one span a row, symmetric about its centre.
 */
const halfWidth: Record<SceneShape, (y: number, radius: number) => number> = {
  circle: (y, radius) => Math.sqrt(Math.max(0, radius * radius - y * y)),
  square: (y, radius) => (Math.abs(y) < 0.88 * radius ? 0.88 * radius : 0),
  triangle: (y, radius) => (y < 0.8 * radius ? Math.max(0, 0.6 * (y + radius)) : 0),
  cross: (y, radius) => (Math.abs(y) < 0.36 * radius ? radius : Math.abs(y) < radius ? 0.36 * radius : 0),
};

/** How many of a pixel's samples lie in a shape, for the pixels of a cell. */
export function coverShape(options: {
  shape: SceneShape;
  centreX: number;
  centreY: number;
  /** Half its size. */
  radius: number;
  cellSize: number;
  /** Gets the counts, `[cellSize, cellSize]`. */
  covered: Uint8Array;
}): void {
  const { shape, centreX, centreY, radius, cellSize, covered } = options;
  const halfWidthAt = halfWidth[shape];
  covered.fill(0);
  for (let row = 0; row < cellSize * samples; row += 1) {
    const half = halfWidthAt((row + 0.5) / samples - centreY, radius);
    if (half === 0) continue;
    // Sample i lies at (i + 0.5) / samples; those strictly inside centre ± half are covered.
    const first = Math.max(0, Math.floor((centreX - half) * samples - 0.5) + 1);
    const last = Math.min(cellSize * samples - 1, Math.ceil((centreX + half) * samples - 0.5) - 1);
    const start = Math.floor(row / samples) * cellSize;
    for (let sample = first; sample <= last; sample += 1) covered[start + Math.floor(sample / samples)]! += 1;
  }
}

/** How far an object lies off its cell's centre at most, and its half sizes, in sixteenths of the cell. */
export const sceneLimits = { offset: 1.5, radius: [4.5, 6.5] } as const;

/**
 * Draws a scene on black, anti-aliased, its grid at the top left. Every object is moved off its cell's centre by up to 1.5/16 of the cell in each
 * direction, has a half size of 4.5/16 to 6.5/16 of the cell, and a colour up to 15 levels off its own in each channel.
 */
export function drawScene(options: {
  scene: Scene;
  grid: SceneGrid;
  /** A cell's side in pixels. */
  cellSize: number;
  /** Leave black rows below, or columns to the right, until the picture is square. @default true */
  square?: boolean;
  /** A cell whose object a grey card hides. @default none */
  covered?: number;
  random: RandomStream;
}): DecodedImage {
  const { scene, grid, cellSize, square = true, covered: hidden, random } = options;
  const side = Math.max(grid.rows, grid.columns);
  const width = (square ? side : grid.columns) * cellSize;
  const height = (square ? side : grid.rows) * cellSize;
  const data = new Uint8Array(width * height * 3);
  const unit = cellSize / 16;
  const covered = new Uint8Array(cellSize * cellSize); // samples inside the shape, by pixel
  for (let cell = 0; cell < grid.cells; cell += 1) {
    const centreX = cellSize / 2 + random.uniform(-sceneLimits.offset, sceneLimits.offset) * unit;
    const centreY = cellSize / 2 + random.uniform(-sceneLimits.offset, sceneLimits.offset) * unit;
    const radius = random.uniform(...sceneLimits.radius) * unit;
    const colour = sceneColours[scene.colours[cell]!].map((level) =>
      Math.min(255, Math.max(0, level + random.uniform(-15, 15))),
    );
    coverShape({ shape: scene.shapes[cell]!, centreX, centreY, radius, cellSize, covered });

    const left = (cell % grid.columns) * cellSize;
    const top = Math.floor(cell / grid.columns) * cellSize;
    if (cell === hidden) {
      const edge = Math.round(card.edge * unit);
      for (let row = top + edge; row < top + cellSize - edge; row += 1)
        data.fill(card.level, (row * width + left + edge) * 3, (row * width + left + cellSize - edge) * 3);
      continue;
    }
    for (let pixel = 0; pixel < covered.length; pixel += 1) {
      if (covered[pixel] === 0) continue;
      const share = covered[pixel]! / (samples * samples);
      const at = ((top + Math.floor(pixel / cellSize)) * width + left + (pixel % cellSize)) * 3;
      for (let channel = 0; channel < 3; channel += 1) data[at + channel] = Math.round(colour[channel]! * share);
    }
  }
  return { data, width, height };
}
