import type { DecodedImage } from './image';

/** Sizes are `[height, width]`, in pixels. */
export type Size = readonly [height: number, width: number];

/** Python's `round`: halves round to even. */
function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

/** Scales the short edge to `shortestEdge`; the long edge keeps the aspect ratio, rounded down. */
export function sizeByShortestEdge([height, width]: Size, shortestEdge: number): Size {
  const short = Math.min(height, width);
  const long = Math.trunc((shortestEdge * Math.max(height, width)) / short);
  return width <= height ? [long, shortestEdge] : [shortestEdge, long];
}

/** Like {@link sizeByShortestEdge}, but scales the long edge to `longestEdge` if it would exceed it. */
export function sizeBetweenEdges([height, width]: Size, shortestEdge: number, longestEdge: number): Size {
  const short = Math.min(height, width);
  const long = Math.max(height, width);
  let exact: number | null = null;
  let edge = shortestEdge;
  if ((long / short) * edge > longestEdge) {
    exact = (longestEdge * short) / long;
    edge = roundHalfEven(exact);
  }
  if ((height <= width && height === edge) || (width <= height && width === edge)) return [height, width];
  const factor = exact ?? edge;
  return width < height ? [Math.trunc((factor * height) / width), edge] : [edge, Math.trunc((factor * width) / height)];
}

/** The largest size with the same aspect ratio inside `maximumHeight` × `maximumWidth`; enlarges smaller images. */
export function sizeInside([height, width]: Size, maximumHeight: number, maximumWidth: number): Size {
  const scale = Math.min(maximumHeight / height, maximumWidth / width);
  return [Math.trunc(height * scale), Math.trunc(width * scale)];
}

/** Centre crop; smaller images are padded with black. */
export function centerCrop(image: DecodedImage, [height, width]: Size): DecodedImage {
  return crop(image, {
    top: Math.floor((image.height - height) / 2),
    left: Math.floor((image.width - width) / 2),
    height,
    width,
  });
}

/** Crops a window; pixels outside the image are `background`. @param image three channels */
export function crop(
  image: DecodedImage,
  window: {
    top: number;
    left: number;
    height: number;
    width: number;
    /** red, green, blue. @default black */
    background?: readonly [number, number, number];
  },
): DecodedImage {
  const { top, left, height, width, background = [0, 0, 0] } = window;
  if (top === 0 && left === 0 && height === image.height && width === image.width) return image;
  const data = new Uint8Array(height * width * 3);
  if (background.some((value) => value !== 0)) {
    for (let at = 0; at < data.length; at += 1) data[at] = background[at % 3]!;
  }
  const fromX = Math.max(0, left);
  const toX = Math.min(image.width, left + width);
  for (let y = Math.max(0, top); y < Math.min(image.height, top + height); y += 1) {
    const row = y * image.width;
    data.set(image.data.subarray((row + fromX) * 3, (row + toX) * 3), ((y - top) * width + fromX - left) * 3);
  }
  return { ...image, data, width, height };
}

/** Pads to a square with the image centred. */
export function padToSquare(image: DecodedImage, background: readonly [number, number, number]): DecodedImage {
  const side = Math.max(image.height, image.width);
  return crop(image, {
    top: -Math.floor((side - image.height) / 2),
    left: -Math.floor((side - image.width) / 2),
    height: side,
    width: side,
    background,
  });
}
