import { loadUpTo, storeUpTo } from './vector';

/** Rows of `table` by id: `[count, width]`. A row whose id is out of range is NaN, so that the fault shows. */
export function embeddingForward(count: i32, width: i32, vocabulary: i32, table: usize, ids: usize, output: usize): void {
  const bytes = <usize>width << 2;
  for (let place = 0; place < count; place++) {
    const id = load<i32>(ids + (<usize>place << 2));
    if (<u32>id < <u32>vocabulary) memory.copy(output, table + <usize>id * bytes, bytes);
    else for (let column: usize = 0; column < bytes; column += 4) store<f32>(output + column, NaN);
    output += bytes;
  }
}

/** `tableGradient[id] = Σ` of the gradient's rows with that id, in order of place; 0 for the others. Ids out of range have none. */
export function embeddingBackward(count: i32, width: i32, vocabulary: i32, gradient: usize, ids: usize, tableGradient: usize): void {
  const bytes = <usize>width << 2;
  memory.fill(tableGradient, 0, <usize>vocabulary * bytes);
  for (let place = 0; place < count; place++) {
    const id = load<i32>(ids + (<usize>place << 2));
    if (<u32>id < <u32>vocabulary) {
      let row = tableGradient + <usize>id * bytes, from = gradient;
      let left = <usize>width;
      while (left >= 4) {
        v128.store(row, f32x4.add(v128.load(row), v128.load(from)));
        row += 16;
        from += 16;
        left -= 4;
      }
      if (left) storeUpTo(row, f32x4.add(loadUpTo(row, left), loadUpTo(from, left)), left);
    }
    gradient += bytes;
  }
}

/** Copies `update` `[batch, time, width]` into `buffer` `[batch, capacity, width]` from row `offset` on. */
export function cacheWrite(batch: i32, time: i32, capacity: i32, width: i32, offset: i32, update: usize, buffer: usize): void {
  const rowBytes = <usize>width << 2;
  for (let example = 0; example < batch; example++) {
    memory.copy(buffer + (<usize>example * capacity + offset) * rowBytes, update + <usize>example * time * rowBytes, <usize>time * rowBytes);
  }
}
