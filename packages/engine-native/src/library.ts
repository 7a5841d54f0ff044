import type { tf } from '@subtext/tensor';

/** The C++ library, as `native/library.cc` offers it. */
export interface NativeLibrary {
  /** What its kernels are compiled for here. */
  level: string;
  threads: number;
  /** Numbers of operations by name. */
  operations: ReadonlyMap<string, number>;
  /** See `subtext_run`. */
  run(
    operation: number,
    memory: Uint8Array,
    bytes: number,
    places: Float64Array,
    inputs: number,
    outputs: number,
    settings: Float32Array,
    settingCount: number,
    message: Uint8Array,
    messageBytes: number,
  ): number;
  /** See `subtext_read`. */
  read(
    memory: Uint8Array,
    bytes: number,
    offset: number,
    descriptor: number,
    position: number,
    type: number,
    count: number,
  ): number;
  /** See `subtext_make_weight` and those that follow it in `native/library.cc`. */
  makeWeight(type: number, rows: number, columns: number): number;
  freeWeight(weight: number): void;
  fillWeight(weight: number, from: number, count: number, values: Float32Array, room: number): number;
  fillWeightFromFile(
    weight: number,
    from: number,
    count: number,
    descriptor: number,
    position: number,
    stored: number,
  ): number;
  widenWeight(weight: number, from: number, count: number, into: Float32Array, room: number): number;
  storedBytes(): number;
  /** See `subtext_memory_speed`. */
  memorySpeed(bytes: number, rounds: number): number;
  keepFreedMemory(): void;
}

/** Numbers that tell a tensor, and the most axes: agreed with `native/memory-call.h`. */
export const placeNumbers = 8;
export const mostAxes = placeNumbers - 2;
/** More than any operation has. */
export const mostTensors = 96;

/**
 * Loads the compiled library.
 *
 * @throws Error where it is for another processor or system, or its functions are not there
 */
export async function loadLibrary(file: string): Promise<NativeLibrary> {
  const { default: koffi } = await import('koffi');
  const library = koffi.load(file);
  const name = library.func('const char *subtext_operation(int32_t)') as (index: number) => string | null;
  const operations = new Map<string, number>();
  for (let index = 0; ; index++) {
    const found = name(index);
    if (found === null) break;
    operations.set(found, index);
  }
  return {
    level: (library.func('const char *subtext_level()') as () => string)(),
    threads: (library.func('int32_t subtext_threads()') as () => number)(),
    operations,
    run: library.func(
      'int32_t subtext_run(int32_t, void *, double, void *, int32_t, int32_t, void *, int32_t, void *, int32_t)',
    ),
    read: library.func('int32_t subtext_read(void *, double, double, int32_t, double, int32_t, double)'),
    makeWeight: library.func('int32_t subtext_make_weight(int32_t, double, double)'),
    freeWeight: library.func('void subtext_free_weight(int32_t)'),
    fillWeight: library.func('int32_t subtext_fill_weight(int32_t, double, double, void *, double)'),
    fillWeightFromFile: library.func(
      'int32_t subtext_fill_weight_from_file(int32_t, double, double, int32_t, double, int32_t)',
    ),
    widenWeight: library.func('int32_t subtext_widen_weight(int32_t, double, double, void *, double)'),
    storedBytes: library.func('double subtext_stored_bytes()'),
    memorySpeed: library.func('double subtext_memory_speed(double, int32_t)'),
    keepFreedMemory: library.func('void subtext_keep_freed_memory()'),
  };
}

/** Tells a tensor in `places`. */
export function writePlace(places: Float64Array, index: number, offset: number, shape: tf.TensorInfo['shape']): void {
  let at = index * placeNumbers;
  places[at++] = offset;
  places[at++] = shape.length;
  for (const size of shape) places[at++] = size;
}
