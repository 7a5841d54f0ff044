import { DataError } from '../errors';
import type { DecodedImage } from '../images/decoded-image';
import type { ToldObject } from './caption-facts';
import { coverShape, sceneLimits } from './draw-scene';
import { SceneGrid, sceneColourNames, sceneColours, sceneShapes } from './scene-world';
import type { SceneColour, SceneShape } from './scene-world';

/** Places in each direction, and sizes, in which a shape is drawn to be compared with. */
const steps = 4;

/** What a shape may look like in a cell: the share of each pixel that it covers, of length 1. */
interface ShapeMask {
  shape: SceneShape;
  values: Float32Array;
  /** The largest of the values: a pixel that is covered whole, where it is no mean. */
  largest: number;
}

const known = new Map<number, ShapeMask[]>();

/** Each shape as the generator draws it, over places and sizes, and the mean of these: what a blurred picture of it is. */
function shapeMasks(cellSize: number): ShapeMask[] {
  const found = known.get(cellSize);
  if (found) return found;
  const unit = cellSize / 16;
  const between = ([low, high]: readonly [number, number]) =>
    Array.from({ length: steps }, (_, step) => (low + ((high - low) * step) / (steps - 1)) * unit);
  const offsets = between([-sceneLimits.offset, sceneLimits.offset]);
  const masks = sceneShapes.flatMap((shape) => {
    const each = offsets.flatMap((x) =>
      offsets.flatMap((y) =>
        between(sceneLimits.radius).map((radius) => {
          const covered = new Uint8Array(cellSize * cellSize);
          coverShape({ shape, centreX: cellSize / 2 + x, centreY: cellSize / 2 + y, radius, cellSize, covered });
          return Float32Array.from(covered);
        }),
      ),
    );
    const mean = Float32Array.from(each[0]!, (_, pixel) => each.reduce((sum, one) => sum + one[pixel]!, 0));
    return [...each, mean].map((counts): ShapeMask => {
      const length = Math.sqrt(counts.reduce((sum, value) => sum + value * value, 0));
      const values = counts.map((value) => value / length);
      return { shape, values, largest: Math.max(...values) };
    });
  });
  known.set(cellSize, masks);
  return masks;
}

/**
 * Reads a picture of coloured shapes on black back into facts, cell by cell: the shape is that whose best drawing, in the
 * colour that fits it best, leaves the least of the cell (least squares), the colour the nearest of those that the
 * generator draws. A cell that is nearer to black than to any colour holds no object and has its place alone. For pictures
 * of the generator, and for what a decoder makes of them, blurred or wrong.
 *
 * @returns one object a cell, in reading order
 * @throws DataError `invalid-option` for a grid that is none, or a picture that cannot be cut into its cells
 */
export function seeScene({
  picture: { data, width, height },
  rows,
  columns,
}: {
  /** The grid at the top left of a square, as the generator draws it, or all of the picture. */
  picture: DecodedImage;
  rows: number;
  columns: number;
}): ToldObject[] {
  const grid = new SceneGrid({ rows, columns });
  const cellSize = Math.floor(Math.max(width, height) / Math.max(rows, columns));
  if (cellSize < 4 || columns * cellSize > width || rows * cellSize > height)
    throw new DataError({
      code: 'invalid-option',
      message: `a picture of ${width} × ${height} pixels cannot be cut into ${columns} × ${rows} cells of 4 pixels or more.`,
    });
  const masks = shapeMasks(cellSize);
  return grid.places.map((place, cell) => {
    const top = Math.floor(cell / columns) * cellSize;
    const left = (cell % columns) * cellSize;
    const channels = [0, 1, 2].map((channel) =>
      Float32Array.from(
        { length: cellSize * cellSize },
        (_, pixel) => data[((top + Math.floor(pixel / cellSize)) * width + left + (pixel % cellSize)) * 3 + channel]!,
      ),
    );
    // One colour on black: in the direction of its mean all three channels are one, whose projection on a mask leaves the rest.
    const weights = channels.map((channel) => channel.reduce((sum, level) => sum + level, 0));
    const light = channels[0]!.map((_, pixel) =>
      channels.reduce((sum, channel, index) => sum + weights[index]! * channel[pixel]!, 0),
    );
    let best = { mask: masks[0]!, fits: -Infinity };
    for (const mask of masks) {
      const fits = dot(mask.values, light);
      if (fits > best.fits) best = { mask, fits };
    }
    const { shape, values, largest } = best.mask;
    const colour = nearestColour(channels.map((channel) => dot(values, channel) * largest));
    return colour === undefined ? { place } : { colour, shape, place };
  });
}

function dot(left: Float32Array, right: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < left.length; index++) sum += left[index]! * right[index]!;
  return sum;
}

/** Undefined where black is nearer. */
function nearestColour(levels: readonly number[]): SceneColour | undefined {
  const distance = (colour: readonly number[]) =>
    colour.reduce((sum, level, channel) => sum + (level - levels[channel]!) ** 2, 0);
  const nearest = sceneColourNames.reduce((best, name) =>
    distance(sceneColours[name]) < distance(sceneColours[best]) ? name : best,
  );
  return distance([0, 0, 0]) < distance(sceneColours[nearest]) ? undefined : nearest;
}
