import type { ImageProcessor, NumberArray } from '@subtext/encoders';
import type { ImageReference } from '@subtext/data';

import { TrainerError } from '../errors';

/** Bytes of pixel values kept by default: 1 GiB. */
const DEFAULT_CAPACITY = 2 ** 30;

/** Decodes pictures and prepares them for a model, keeping as many in memory as fit. */
export class PictureStore {
  readonly #processor: ImageProcessor;
  readonly #capacity: number;
  readonly #kept = new Map<string, NumberArray>();
  #bytes = 0;

  constructor({ processor, capacity = DEFAULT_CAPACITY }: { processor: ImageProcessor; /** Bytes kept. @default 1 GiB */ capacity?: number }) {
    this.#processor = processor;
    this.#capacity = capacity;
  }

  /** Pixel values of pictures, one after the other: `[pictures, channels, height, width]`. */
  async pixelValues(images: readonly ImageReference[]): Promise<NumberArray> {
    const values = await Promise.all(images.map((image) => this.#prepare(image)));
    const shape = values[0]!.shape.slice(1);
    const size = shape.reduce((product, side) => product * side, 1);
    const data = new Float32Array(values.length * size);
    for (const [index, one] of values.entries()) {
      if (one.data.length !== size) {
        throw new TrainerError({
          code: 'INVALID_OPTION',
          message: `The pictures of a batch differ in size: ${images[index]!.path} gives [${one.shape.join(', ')}], ${images[0]!.path} gives [1, ${shape.join(', ')}]. Let the image processor resize or crop them to one size.`,
        });
      }
      data.set(one.data, index * size);
    }
    return { data, shape: [values.length, ...shape] };
  }

  async #prepare(image: ImageReference): Promise<NumberArray> {
    const kept = this.#kept.get(image.path);
    if (kept) return kept;
    const { pixelValues } = await this.#processor.process([await image.load()]);
    if (this.#bytes + pixelValues.data.byteLength <= this.#capacity) {
      this.#kept.set(image.path, pixelValues);
      this.#bytes += pixelValues.data.byteLength;
    }
    return pixelValues;
  }
}
