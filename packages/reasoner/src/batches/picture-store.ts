import type { ImageReference } from '@subtext/data';
import type { ImageProcessor, NumberArray, ProcessedImages, RawImage } from '@subtext/encoders';

import { ReasonerError } from '../errors';
import type { LayoutContext } from '../methods/reasoning-method';
import { tilePlaceholders } from './picture-placeholders';

/** Bytes of prepared pictures kept by default: 1 GiB. */
const DEFAULT_CAPACITY = 2 ** 30;

/**
 * The pictures of a batch as a model's `embedInputs` takes them; plain arrays, so that they can be posted to a worker.
 * CLIP-like processors give one picture after the other, Idefics3's one tile after the other, Mllama's a place for every
 * row of the batch.
 */
export interface BatchPictures {
  /** `[pictures, channels, height, width]`, Idefics3 `[tiles, channels, height, width]`, Mllama `[rows, 1, tiles, channels, height, width]` */
  pixelValues: NumberArray;
  /** Idefics3: `[tiles, height, width]` */
  pixelAttentionMask?: NumberArray<Int32Array>;
  /** Mllama: `[rows, 1]`, 0 where a row has no picture */
  aspectRatioIds?: NumberArray<Int32Array>;
  /** Mllama: `[rows, 1, tiles]` */
  aspectRatioMask?: NumberArray<Int32Array>;
}

/** Decodes pictures and prepares them for a model, keeping as many in memory as fit. */
export class PictureStore {
  readonly #processor: ImageProcessor;
  readonly #capacity: number;
  readonly #kept = new Map<string, ProcessedImages>();
  /** Rows and columns of tiles, by path, of processors whose pictures differ in them. */
  readonly #grids = new Map<string, { rows: number; columns: number }>();
  #bytes = 0;

  constructor({
    processor,
    capacity = DEFAULT_CAPACITY,
  }: {
    processor: ImageProcessor;
    /** Bytes kept. @default 1 GiB */ capacity?: number;
  }) {
    this.#processor = processor;
    this.#capacity = capacity;
  }

  /**
   * The pictures of a batch's rows, in order. Undefined where no row has one.
   *
   * @throws ReasonerError where pictures differ in size and the model needs one size
   */
  async prepare(images: readonly (ImageReference | undefined)[]): Promise<BatchPictures | undefined> {
    if (images.every((image) => image === undefined)) return undefined;
    const processed = await Promise.all(
      images.map((image) => (image === undefined ? undefined : this.#process(image))),
    );
    const names = images.map((image) => image?.path ?? '');
    if (this.#processor.kind === 'mllama') return stackRows({ processed, names });
    const present = processed.flatMap((one, row) => (one === undefined ? [] : [{ ...one, name: names[row]! }]));
    // A sample of one picture: its tiles come first, and none of them is padding.
    const tiles = ({ data, shape }: NumberArray) => ({
      data,
      shape: this.#processor.kind === 'idefics3' ? shape.slice(1) : shape,
    });
    const masks = present.map(({ pixelAttentionMask: mask }) => mask);
    return {
      pixelValues: concatenate({
        parts: present.map(({ pixelValues }) => tiles(pixelValues)),
        names: present.map(({ name }) => name),
        make: (length) => new Float32Array(length),
      }),
      ...(masks.every((mask) => mask !== undefined) && {
        pixelAttentionMask: concatenate({
          parts: masks.map(({ data, shape }) => ({ data, shape: shape.slice(1) })),
          names: present.map(({ name }) => name),
          make: (length) => new Int32Array(length),
        }),
      }),
    };
  }

  /** Finds out how many tiles pictures take, where that differs; needed before {@link contextFor}. */
  async measure(images: readonly (ImageReference | undefined)[]): Promise<void> {
    const { tileGrid } = this.#processor;
    if (tileGrid === undefined) return;
    for (const image of images) {
      if (image !== undefined && !this.#grids.has(image.path))
        this.#grids.set(image.path, tileGrid.call(this.#processor, await pictureOf(image)));
    }
  }

  /**
   * What an example's layout depends on: where pictures differ in tiles, with the ids that stand for this one.
   *
   * @throws ReasonerError where the picture was not measured
   */
  contextFor({ context, image }: { context: LayoutContext; image?: ImageReference }): LayoutContext {
    if (image === undefined || context.image === undefined || this.#processor.tileGrid === undefined) return context;
    const grid = this.#grids.get(image.path);
    if (grid === undefined) {
      throw new ReasonerError({
        code: 'invalid-option',
        message: `How many tiles ${image.path} takes is not known yet. Await \`measure\` (of a reasoner: \`measurePictures\`) before laying out its prompt.`,
      });
    }
    return {
      ...context,
      image: {
        ...context.image,
        ids: tilePlaceholders({ ...grid, image: context.image, tokenizer: context.tokenizer }),
      },
    };
  }

  async #process(image: ImageReference): Promise<ProcessedImages> {
    const kept = this.#kept.get(image.path);
    if (kept) return kept;
    const processed = await this.#processor.process([await pictureOf(image)]);
    const bytes = [
      processed.pixelValues,
      processed.pixelAttentionMask,
      processed.aspectRatioIds,
      processed.aspectRatioMask,
    ].reduce((sum, array) => sum + (array?.data.byteLength ?? 0), 0);
    if (this.#bytes + bytes <= this.#capacity && !this.#kept.has(image.path)) {
      this.#kept.set(image.path, processed);
      this.#bytes += bytes;
    }
    return processed;
  }
}

/** The picture as the processor's agreement with transformers is tested: with its transparency, which some lay on white. */
function pictureOf(image: ImageReference): Promise<RawImage> {
  return image.loadPicture ? image.loadPicture() : image.load();
}

/** Arrays one after the other along their first axis. */
function concatenate<Data extends Float32Array | Int32Array>({
  parts,
  names,
  make,
}: {
  parts: readonly NumberArray<Data>[];
  /** For messages. */ names: readonly string[];
  make: (length: number) => Data;
}): NumberArray<Data> {
  const [first] = parts as [NumberArray<Data>];
  const rest = first.shape.slice(1);
  const data = make(parts.reduce((sum, part) => sum + part.data.length, 0));
  let offset = 0;
  for (const [index, part] of parts.entries()) {
    if (part.shape.slice(1).join() !== rest.join()) {
      throw new ReasonerError({
        code: 'invalid-option',
        message: `The pictures of a batch differ in size: ${names[index]} gives [${part.shape.join(', ')}], ${names[0]} gives [${first.shape.join(', ')}]. Let the image processor resize or crop them to one size.`,
      });
    }
    data.set(part.data, offset);
    offset += part.data.length;
  }
  return { data, shape: [parts.reduce((sum, { shape }) => sum + shape[0]!, 0), ...rest] };
}

/** Mllama's pictures by row; a row without one has empty tiles, of which the first counts as used, as its processor does it. */
function stackRows({
  processed,
  names,
}: {
  processed: readonly (ProcessedImages | undefined)[];
  names: readonly string[];
}): BatchPictures {
  const model = processed.find((one) => one !== undefined)!;
  const tiles = model.aspectRatioMask!.shape[2]!;
  const firstTile = Int32Array.from({ length: tiles }, (_, tile) => (tile === 0 ? 1 : 0));
  const empty = {
    pixelValues: { data: new Float32Array(model.pixelValues.data.length), shape: model.pixelValues.shape },
    aspectRatioIds: { data: new Int32Array(1), shape: [1, 1] },
    aspectRatioMask: { data: firstTile, shape: [1, 1, tiles] },
  };
  const rows = processed.map((one) => ({ ...empty, ...one }));
  return {
    pixelValues: concatenate({
      parts: rows.map(({ pixelValues }) => pixelValues),
      names,
      make: (length) => new Float32Array(length),
    }),
    aspectRatioIds: concatenate({
      parts: rows.map(({ aspectRatioIds }) => aspectRatioIds),
      names,
      make: (length) => new Int32Array(length),
    }),
    aspectRatioMask: concatenate({
      parts: rows.map(({ aspectRatioMask }) => aspectRatioMask),
      names,
      make: (length) => new Int32Array(length),
    }),
  };
}
