const { fround } = Math;

/**
 * The boundaries 1/n, 2/n, … below 1, with the rounding of PyTorch's vectorised float32 `arange`: full blocks of 16 are
 * computed in groups of eight whose first value is rounded before the steps are added. For some grid sizes (19, 25, 29 …)
 * the last bit decides which bucket a patch falls into.
 */
function boundaries(side: number): Float32Array {
  const step = 1 / side;
  const count = Math.max(0, Math.ceil((1 - step) / step));
  const blocked = Math.floor(count / 16) * 16;
  return Float32Array.from({ length: count }, (_, index) => {
    if (index >= blocked) return step + step * index;
    const start = Math.floor(index / 8) * 8;
    return fround(step + step * start) + (index - start) * step;
  });
}

/** For each of `used` patches along one side, the index of the learned position (of `side`) at the same fraction. */
function buckets(side: number, used: number): number[] {
  const limits = boundaries(side);
  const step = fround(1 / used);
  return Array.from({ length: used }, (_, index) => {
    const fraction = Math.min(fround(index * step), fround(1 - 1e-6));
    let bucket = 0;
    while (bucket < limits.length && limits[bucket]! <= fraction) bucket += 1;
    return bucket;
  });
}

/**
 * Learned position of each patch when images fill only part of their grid (NaViT, arXiv 2307.06304, as in Idefics3):
 * fractions of the used height and width, mapped to the grid of `side` × `side` learned positions. Patches outside the
 * image get position 0.
 *
 * @param options.patchMask 1 for patches that belong to the image, `[images, gridHeight · gridWidth]`
 * @returns `[images, gridHeight · gridWidth]`
 */
export function patchPositions(options: {
  patchMask: Uint8Array;
  images: number;
  gridHeight: number;
  gridWidth: number;
  side: number;
}): Int32Array {
  const { patchMask, images, gridHeight, gridWidth, side } = options;
  const patches = gridHeight * gridWidth;
  const positions = new Int32Array(images * patches);
  for (let image = 0; image < images; image += 1) {
    const at = image * patches;
    let usedHeight = 0;
    let usedWidth = 0;
    for (let row = 0; row < gridHeight; row += 1) usedHeight += patchMask[at + row * gridWidth]!;
    for (let column = 0; column < gridWidth; column += 1) usedWidth += patchMask[at + column]!;
    const rows = buckets(side, usedHeight);
    const columns = buckets(side, usedWidth);
    for (let patch = 0; patch < patches; patch += 1) {
      if (patchMask[at + patch] === 0) continue;
      positions[at + patch] =
        (rows[Math.floor(patch / gridWidth)] ?? side - 1) * side + (columns[patch % gridWidth] ?? side - 1);
    }
  }
  return positions;
}
