import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ownValue, parseJson, SubtextError } from '@subtext/core';
import { FileError, readTextFile, writeFileAtomically } from '@subtext/core/node';
import { resolveModelFolder, type HubOptions } from '@subtext/hub';
import { createFitAndCropProcessor } from './fit-and-crop-processor';
import { createIdefics3Processor } from './idefics3-processor';
import { ImageError } from './image-error';
import type { ImageProcessor } from './image-processor';
import { createMllamaProcessor } from './mllama-processor';
import { defaultMaximumPreparedPixels } from './picture-budget';
import type { ProcessorConfig } from './processor-settings';

/** Processors by the prefix of their class name; `FeatureExtractor`, `Fast` and `Pil` variants are equivalent. */
const kinds: Readonly<Record<string, ImageProcessor['kind']>> = {
  CLIP: 'clip',
  Siglip: 'siglip',
  Llava: 'llava',
  Idefics3: 'idefics3',
  SmolVLM: 'idefics3',
  Mllama: 'mllama',
};

/**
 * Creates an image processor from the contents of `preprocessor_config.json`. Missing values default to those of the class
 * in transformers; unsupported keys throw.
 *
 * @throws {ImageError} `processor-config-unsupported`
 */
export function createImageProcessor(options: {
  /** Contents of `preprocessor_config.json`; `image_processor_type` is the class, such as `CLIPImageProcessor`. */
  config: ProcessorConfig;
  /** Source of the configuration, for messages. @default 'preprocessor_config.json' */
  place?: string;
  /** Maximum number of pixels per processed image, all tiles together. @default 16,777,216 */
  maximumPreparedPixels?: number;
}): ImageProcessor {
  const { config, place = 'preprocessor_config.json', maximumPreparedPixels = defaultMaximumPreparedPixels } = options;
  const type = ownValue(config, 'image_processor_type') ?? ownValue(config, 'feature_extractor_type');
  if (typeof type !== 'string') {
    throw new ImageError({
      code: 'processor-config-unsupported',
      message: `${place}: \`image_processor_type\` is missing. Set it to the processor's class, such as CLIPImageProcessor.`,
    });
  }
  const kind = ownValue(kinds, type.replace(/(ImageProcessor|FeatureExtractor)(Fast|Pil)?$/, ''));
  if (kind === undefined) {
    throw new ImageError({
      code: 'processor-config-unsupported',
      message: `${place}: the image processor ${type} is not supported. Supported: ${Object.keys(kinds)
        .map((name) => `${name}ImageProcessor`)
        .join(', ')}.`,
    });
  }
  if (kind === 'idefics3') return createIdefics3Processor({ config, place, maximumPreparedPixels });
  if (kind === 'mllama') return createMllamaProcessor({ config, place, maximumPreparedPixels });
  return createFitAndCropProcessor({ kind, config, place, maximumPreparedPixels });
}

export interface LoadImageProcessorOptions {
  /** A local folder, or a Hugging Face Hub id (no weights are downloaded). */
  folder: string;
  /** Maximum number of pixels per processed image, all tiles together. @default 16,777,216 */
  maximumPreparedPixels?: number;
  /** Options for hub ids: revision, token, progress. */
  hub?: HubOptions;
}

const ownName = 'preprocessor_config.json';
const sharedName = 'processor_config.json';

/**
 * Loads the image processor of a Hugging Face folder or hub model, from `preprocessor_config.json` or the
 * `image_processor` section of `processor_config.json`.
 *
 * @throws {ImageError} `processor-config-missing`, `processor-config-unsupported`; HubError
 */
export async function loadImageProcessor({ hub, ...options }: LoadImageProcessorOptions): Promise<ImageProcessor> {
  const folder = await resolveModelFolder({ ...hub, folder: options.folder, needs: [ownName, sharedName] });
  const { maximumPreparedPixels } = options;
  const ownFile = join(folder, ownName);
  const own = await readJson(ownFile);
  if (own !== null) return createImageProcessor({ config: own, place: ownFile, maximumPreparedPixels });
  const sharedFile = join(folder, sharedName);
  const part = (await readJson(sharedFile))?.['image_processor'];
  if (typeof part === 'object' && part !== null)
    return createImageProcessor({
      config: part as ProcessorConfig,
      place: `${sharedFile} (image_processor)`,
      maximumPreparedPixels,
    });
  throw new ImageError({
    code: 'processor-config-missing',
    message: `${folder} has no preprocessor_config.json, so the image preprocessing is unknown. Download the file from the model's page, or use createImageProcessor.`,
  });
}

/** Writes `preprocessor_config.json` to a folder, atomically. @throws FileError */
export async function saveImageProcessor(options: { processor: ImageProcessor; folder: string }): Promise<void> {
  const { processor, folder } = options;
  await mkdir(folder, { recursive: true });
  await writeFileAtomically({
    path: join(folder, ownName),
    data: `${JSON.stringify(processor.config, null, 2)}\n`,
  });
}

async function readJson(file: string): Promise<ProcessorConfig | null> {
  let value: unknown;
  try {
    value = parseJson({ text: await readTextFile({ path: file }), name: file });
  } catch (cause) {
    if (FileError.isInstance(cause) && cause.code === 'not-found') return null;
    if (!SubtextError.isInstance(cause)) throw cause;
    throw new ImageError({ code: 'processor-config-invalid', message: `${cause.message}.`, cause });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as ProcessorConfig;
  throw new ImageError({ code: 'processor-config-invalid', message: `${file} must contain a JSON object.` });
}
