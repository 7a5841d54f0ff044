import { ImageError } from './image-error';
import { defaultMaximumPreparedPixels } from './picture-budget';
import type { ValueScale } from './normalize';
import { resamplingNames, type Resampling } from './resample';

/** Parsed `preprocessor_config.json`. */
export type ProcessorConfig = Record<string, unknown>;

/** A target size in one of the forms that transformers allows. */
export type SizeSetting =
  | { height: number; width: number }
  | { shortestEdge: number; longestEdge?: number }
  | { longestEdge: number }
  | { maximumHeight: number; maximumWidth: number };

/** Settings common to all processors; defaults are those of the class in transformers. */
export interface CommonSettings {
  resize: boolean;
  size: SizeSetting;
  resampling: Resampling;
  scale: ValueScale;
  mean: readonly number[];
  /** If false, images that are not plain RGB throw. */
  convertToRgb: boolean;
}

/** Keys that do not affect pixel values. */
const harmless = new Set([
  'image_processor_type',
  'feature_extractor_type',
  'processor_class',
  'auto_map',
  'transformers_version',
  '_valid_processor_keys',
  '_processor_class',
  'return_tensors',
  'device',
  'disable_grouping',
  'image_seq_length',
  'return_row_col_info',
  'video_sampling',
]);

/** Reads a processor's configuration key by key; {@link finish} throws for keys that were not read. */
export class ConfigReader {
  readonly #asked = new Set<string>();

  constructor(
    readonly config: ProcessorConfig,
    /** Source of the configuration, for messages. */
    readonly place: string,
    /** Maximum number of pixels per processed image. */
    readonly maximumPreparedPixels: number = defaultMaximumPreparedPixels,
  ) {}

  #take(key: string): unknown {
    this.#asked.add(key);
    return (Object.hasOwn(this.config, key) ? this.config[key] : undefined) ?? undefined;
  }

  fail(key: string, expected: string): never {
    throw new ImageError({
      code: 'processor-config-unsupported',
      message: `${this.place}: \`${key}\` is ${JSON.stringify(this.config[key])}, but ${expected}.`,
    });
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.#take(key) ?? fallback;
    return typeof value === 'boolean' ? value : this.fail(key, 'expected true or false');
  }

  positive(key: string, fallback: number): number {
    const value = this.#take(key) ?? fallback;
    return typeof value === 'number' && value > 0 && Number.isFinite(value)
      ? value
      : this.fail(key, 'expected a positive number');
  }

  wholePositive(key: string, fallback: number): number {
    const value = this.positive(key, fallback);
    return Number.isInteger(value) ? value : this.fail(key, 'expected an integer');
  }

  channels(key: string, fallback: readonly number[]): readonly number[] {
    const value = this.#take(key) ?? fallback;
    const list = typeof value === 'number' ? [value, value, value] : value;
    if (
      Array.isArray(list) &&
      list.length === 3 &&
      list.every((entry) => typeof entry === 'number' && Number.isFinite(entry))
    )
      return list as number[];
    return this.fail(key, 'expected one number, or one per channel (three)');
  }

  resampling(key: string, fallback: Resampling): Resampling {
    const value = this.#take(key) ?? resamplingNames.indexOf(fallback);
    const name =
      typeof value === 'number'
        ? resamplingNames[value]
        : resamplingNames.find((entry) => entry === String(value).toLowerCase());
    return name ?? this.fail(key, "expected one of Pillow's filters 0 to 5");
  }

  /** Throws if a size exceeds the pixel limit. */
  within(key: string, height: number, width: number, tiles = 1): void {
    if (height * width * tiles > this.maximumPreparedPixels) {
      this.fail(
        key,
        `${tiles > 1 ? `${tiles} tiles of ` : ''}${height} × ${width} pixels exceed the limit of ${this.maximumPreparedPixels}; raise \`maximumPreparedPixels\` if you trust the folder`,
      );
    }
  }

  /** @param options.square whether a single number means both sides, or the shortest edge */
  size<Fallback extends SizeSetting | null>(
    key: string,
    fallback: Fallback,
    options: { square: boolean },
  ): SizeSetting | Fallback {
    const value = this.#take(key);
    if (value === undefined) return fallback;
    const whole = (entry: unknown): entry is number =>
      typeof entry === 'number' && Number.isInteger(entry) && entry > 0;
    const sides = (typeof value === 'object' && value !== null ? Object.values(value) : [value]).filter(whole);
    // A square of the longest side is checked when images are processed; a single side is checked here.
    if (sides.length > 0)
      this.within(
        key,
        sides.reduce((most, side) => Math.max(most, side)),
        sides.length === 2 ? sides.reduce((least, side) => Math.min(least, side)) : 1,
      );
    if (whole(value)) return options.square ? { height: value, width: value } : { shortestEdge: value };
    if (Array.isArray(value) && value.length === 2 && whole(value[0]) && whole(value[1]))
      return { height: value[0], width: value[1] };
    if (typeof value === 'object' && !Array.isArray(value)) {
      const entries = Object.fromEntries(
        Object.entries(value as Record<string, unknown>).filter(([, entry]) => entry !== null),
      );
      const names = Object.keys(entries).sort().join(' ');
      const {
        height,
        width,
        shortest_edge: shortestEdge,
        longest_edge: longestEdge,
        max_height: maximumHeight,
        max_width: maximumWidth,
      } = entries;
      if (Object.values(entries).every(whole)) {
        if (names === 'height width') return { height: height as number, width: width as number };
        if (names === 'shortest_edge') return { shortestEdge: shortestEdge as number };
        if (names === 'longest_edge') return { longestEdge: longestEdge as number };
        if (names === 'longest_edge shortest_edge')
          return { shortestEdge: shortestEdge as number, longestEdge: longestEdge as number };
        if (names === 'max_height max_width')
          return { maximumHeight: maximumHeight as number, maximumWidth: maximumWidth as number };
      }
    }
    return this.fail(
      key,
      'expected a size as { height, width }, { shortest_edge }, { longest_edge } or { max_height, max_width } in whole pixels',
    );
  }

  /** Marks a key as handled if its value has no effect. */
  expect(key: string, values: readonly unknown[], reason: string): void {
    const value = this.#take(key);
    if (value !== undefined && !values.some((entry) => JSON.stringify(entry) === JSON.stringify(value)))
      this.fail(key, reason);
  }

  common(defaults: {
    size: SizeSetting;
    square: boolean;
    resampling: Resampling;
    mean: readonly number[];
    deviation: readonly number[];
  }): CommonSettings {
    const mean = this.channels('image_mean', defaults.mean);
    const deviation = this.channels('image_std', defaults.deviation);
    if (deviation.includes(0)) this.fail('image_std', 'standard deviations must not be 0');
    const factor = this.positive('rescale_factor', 1 / 255);
    const square = this.flag('default_to_square', defaults.square);
    this.expect('data_format', ['channels_first'], 'only channels_first is supported');
    this.expect('input_data_format', ['channels_first', 'channels_last'], 'images are decoded by this package');
    return {
      resize: this.flag('do_resize', true),
      size: this.size('size', defaults.size, { square }),
      resampling: this.resampling('resample', defaults.resampling),
      scale: {
        rescaleFactor: this.flag('do_rescale', true) ? factor : null,
        normalization: this.flag('do_normalize', true) ? { mean, deviation } : null,
      },
      mean,
      convertToRgb: this.flag('do_convert_rgb', true),
    };
  }

  /** @throws {ImageError} if the configuration has a key that is neither supported nor irrelevant */
  finish(): void {
    const unknown = Object.keys(this.config).filter(
      (key) => !this.#asked.has(key) && !harmless.has(key) && this.config[key] !== null,
    );
    if (unknown.length > 0) {
      throw new ImageError({
        code: 'processor-config-unsupported',
        message: `${this.place}: ${unknown.map((key) => `\`${key}\``).join(', ')} would be ignored. Remove unneeded keys, or use a supported processor.`,
      });
    }
  }
}
