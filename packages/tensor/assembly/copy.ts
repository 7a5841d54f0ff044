import { loadPartial, storePartial } from './vector';

/** From this many bytes on, the host's copy is faster than a loop. */
const LARGE: usize = 1024;

/**
 * Copies `count` blocks of `bytes` (a multiple of 4), `sourceStride` apart, to blocks `targetStride` apart: one piece
 * of a split, a slice along one axis, one operand of a concatenation.
 */
export function copyBlocks(count: i32, bytes: usize, source: usize, sourceStride: usize, target: usize, targetStride: usize): void {
  if (bytes == sourceStride && bytes == targetStride) {
    memory.copy(target, source, <usize>count * bytes);
    return;
  }
  for (let block = 0; block < count; block++) {
    if (bytes >= LARGE) memory.copy(target, source, bytes);
    else {
      let from = source, to = target;
      let left = bytes;
      while (left >= 16) {
        v128.store(to, v128.load(from));
        from += 16;
        to += 16;
        left -= 16;
      }
      if (left) storePartial(to, loadPartial(from, left >> 2), left >> 2);
    }
    source += sourceStride;
    target += targetStride;
  }
}
