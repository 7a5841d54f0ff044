import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeImage } from './image';
import { ImageError, type ImageErrorCode } from './image-error';
import { createImageProcessor, loadImageProcessor, saveImageProcessor } from './load-image-processor';

const fixtures = fileURLToPath(new URL('../../fixtures/images/', import.meta.url));
const clip = {
  image_processor_type: 'CLIPImageProcessor',
  size: { shortest_edge: 8 },
  crop_size: { height: 8, width: 8 },
};

async function codeOf(work: () => unknown): Promise<ImageErrorCode | 'none'> {
  try {
    await work();
  } catch (error) {
    expect(error).toBeInstanceOf(ImageError);
    return (error as ImageError).code;
  }
  return 'none';
}

/** The same PNG with another size in its header: a decompression bomb says what it would become. */
function claimSize(png: Buffer, width: number, height: number): Buffer {
  const changed = Buffer.from(png);
  changed.writeUInt32BE(width, 16);
  changed.writeUInt32BE(height, 20);
  let checksum = ~0;
  for (const byte of changed.subarray(12, 29)) {
    checksum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) checksum = (checksum >>> 1) ^ (checksum & 1 ? 0xedb88320 : 0);
  }
  changed.writeUInt32BE(~checksum >>> 0, 29);
  return changed;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-images-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('pictures that cannot be read', () => {
  it('says so with a code and the place', async () => {
    await expect(decodeImage({ source: join(folder, 'nothing.png') })).rejects.toThrow(
      /There is no image at .*nothing\.png/,
    );
    expect(await codeOf(() => decodeImage({ source: join(folder, 'nothing.png') }))).toBe('image-missing');
    await writeFile(join(folder, 'text.png'), 'not a picture');
    expect(await codeOf(() => decodeImage({ source: join(folder, 'text.png') }))).toBe('image-broken');
    expect(await codeOf(() => decodeImage({ source: new Uint8Array() }))).toBe('image-broken');
    const whole = await readFile(`${fixtures}photograph.jpg`);
    expect(await codeOf(() => decodeImage({ source: whole.subarray(0, whole.length / 2) }))).toBe('image-broken');
    const png = await readFile(`${fixtures}tall.png`);
    expect(await codeOf(() => decodeImage({ source: png.subarray(0, png.length / 2) }))).toBe('image-broken');
    expect(await codeOf(() => decodeImage({ source: folder }))).toBe('image-broken');
  });

  it('refuses more pixels than the limit before decoding them', async () => {
    const bomb = claimSize(await readFile(`${fixtures}one-pixel.png`), 20_000, 20_000);
    const before = process.memoryUsage().rss;
    expect(await codeOf(() => decodeImage({ source: bomb }))).toBe('image-too-large');
    expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
    expect(await codeOf(() => decodeImage({ source: `${fixtures}photograph.jpg`, maximumPixels: 100 }))).toBe(
      'image-too-large',
    );
    expect(
      await codeOf(() =>
        createImageProcessor({ config: clip }).process([`${fixtures}photograph.jpg`], { maximumPixels: 100 }),
      ),
    ).toBe('image-too-large');
  });

  it('refuses raw pixels that do not fit their size', async () => {
    const data = new Uint8Array(12);
    expect(await codeOf(() => decodeImage({ source: { data, width: 2, height: 2 } }))).toBe('none');
    expect(await codeOf(() => decodeImage({ source: { data, width: 3, height: 2 } }))).toBe('image-invalid');
    expect(await codeOf(() => decodeImage({ source: { data, width: 0, height: 2 } }))).toBe('image-invalid');
    expect(await codeOf(() => decodeImage({ source: { data: [1, 2, 3] as never, width: 1, height: 1 } }))).toBe(
      'image-invalid',
    );
    expect(await codeOf(() => decodeImage({ source: { data, width: 2, height: 2 }, maximumPixels: 3 }))).toBe(
      'image-too-large',
    );
    expect(await codeOf(() => createImageProcessor({ config: clip }).process([]))).toBe('image-invalid');
  });
});

describe('what a folder and a picture may ask for', () => {
  const refuses = (config: Record<string, unknown>, message: RegExp) =>
    expect(() => createImageProcessor({ config })).toThrow(message);

  it('refuses sizes, crops and tiles by name before they are allocated', () => {
    refuses({ ...clip, size: { shortest_edge: 1e9 } }, /`size`/);
    refuses({ ...clip, size: { height: 20_000, width: 20_000 } }, /`size`/);
    refuses({ ...clip, size: { max_height: 1e6, max_width: 1e6 } }, /`size`/);
    refuses({ ...clip, crop_size: { height: 20_000, width: 20_000 } }, /`crop_size`/);
    refuses({ ...clip, crop_size: 1e9 }, /`crop_size`/);
    refuses({ ...clip, do_center_crop: false, do_pad: true, pad_size: { height: 1e5, width: 1e5 } }, /`pad_size`/);
    refuses({ image_processor_type: 'MllamaImageProcessor', max_image_tiles: 1e9 }, /`max_image_tiles`/);
    refuses(
      { image_processor_type: 'MllamaImageProcessor', size: { height: 4096, width: 4096 }, max_image_tiles: 1000 },
      /`max_image_tiles`/,
    );
    refuses(
      { image_processor_type: 'Idefics3ImageProcessor', max_image_size: { longest_edge: 1e9 } },
      /`max_image_size`/,
    );
    expect(createImageProcessor({ config: { ...clip, crop_size: 5000 }, maximumPreparedPixels: 25e6 }).kind).toBe(
      'clip',
    );
    for (const type of ['constructor', '__proto__', 'toStringImageProcessor'])
      refuses({ image_processor_type: type }, /not supported/);
  });

  it('refuses pictures whose proportions would make them huge', async () => {
    const thin = { data: new Uint8Array(60_000 * 3), width: 1, height: 60_000 };
    expect(
      await codeOf(() => createImageProcessor({ config: { ...clip, size: { shortest_edge: 2000 } } }).process([thin])),
    ).toBe('image-too-large');
    expect(
      await codeOf(() =>
        createImageProcessor({
          config: {
            image_processor_type: 'LlavaImageProcessor',
            do_pad: true,
            size: { shortest_edge: 8 },
            crop_size: 8,
          },
        }).process([thin]),
      ),
    ).toBe('image-too-large');
    expect(
      await codeOf(() =>
        createImageProcessor({
          config: {
            image_processor_type: 'Idefics3ImageProcessor',
            size: { longest_edge: 4096 },
            max_image_size: { longest_edge: 1 },
          },
        }).process([{ data: new Uint8Array(300), width: 10, height: 10 }]),
      ),
    ).toBe('image-too-large');
    expect(
      (await createImageProcessor({ config: clip }).process([{ ...thin, data: new Uint8Array(600 * 3), height: 600 }]))
        .pixelValues.shape,
    ).toEqual([1, 3, 8, 8]);
  });
});

describe('pixels in memory', () => {
  it('give what the same pixels in a file give, grey and transparent ones too', async () => {
    const processor = createImageProcessor({ config: clip });
    for (const name of ['tall.png', 'alpha.png', 'grey.jpg']) {
      const { data, info } = await sharp(`${fixtures}${name}`).raw().toBuffer({ resolveWithObject: true });
      const channels = info.channels as 1 | 3 | 4;
      const fromMemory = await processor.process([{ data, width: info.width, height: info.height, channels }]);
      expect(fromMemory.pixelValues).toEqual((await processor.process([`${fixtures}${name}`])).pixelValues);
      expect(fromMemory.pixelValues).toEqual(
        (await processor.process([await readFile(`${fixtures}${name}`)])).pixelValues,
      );
    }
  });

  it('turn as EXIF says', async () => {
    const { width, height } = await decodeImage({ source: `${fixtures}exif-turned.jpg` });
    expect([width, height]).toEqual([50, 80]);
  });
});

describe('configurations', () => {
  it('refuses by name what it does not honour', () => {
    const refused = (config: Record<string, unknown>) => (message: RegExp) =>
      expect(() => createImageProcessor({ config })).toThrow(message);
    refused({})(/`image_processor_type` is missing/);
    refused({ image_processor_type: 'ViTImageProcessor' })(/ViTImageProcessor is not supported/);
    refused({ ...clip, do_flip_channel_order: true })(/`do_flip_channel_order` would be ignored/);
    refused({ ...clip, resample: 9 })(/`resample` is 9/);
    refused({ ...clip, image_mean: [0.5] })(/`image_mean`/);
    refused({ ...clip, image_std: 0 })(/standard deviations must not be 0/);
    refused({ ...clip, size: { longest_edge: 9 } })(/`size`/);
    refused({ ...clip, size: { shortest_edge: -1 } })(/`size`/);
    refused({ image_processor_type: 'MllamaImageProcessor', size: { height: 28, width: 56 } })(/a square/);
    refused({ image_processor_type: 'MllamaImageProcessor', do_resize: false })(/`do_resize`/);
    refused({ image_processor_type: 'Idefics3ImageProcessor', max_image_size: { height: 2, width: 2 } })(
      /`max_image_size`/,
    );
  });

  it('refuses what would not be one batch, and grey pictures where colour is demanded', async () => {
    const loose = createImageProcessor({ config: { ...clip, do_center_crop: false } });
    expect(await codeOf(() => loose.process([`${fixtures}tall.png`, `${fixtures}photograph.jpg`]))).toBe(
      'image-invalid',
    );
    const strict = createImageProcessor({ config: { ...clip, do_convert_rgb: false } });
    expect(await codeOf(() => strict.process([`${fixtures}tall.png`]))).toBe('none');
    expect(await codeOf(() => strict.process([`${fixtures}grey.jpg`]))).toBe('image-invalid');
    const nested = createImageProcessor({ config: { image_processor_type: 'MllamaImageProcessor' } });
    expect(await codeOf(() => nested.process([[`${fixtures}tall.png`], `${fixtures}tall.png`] as never))).toBe(
      'image-invalid',
    );
  });

  it('are read from either file of a folder, and written back', async () => {
    expect(await codeOf(() => loadImageProcessor({ folder }))).toBe('processor-config-missing');
    await writeFile(
      join(folder, 'processor_config.json'),
      JSON.stringify({
        processor_class: 'LlavaProcessor',
        image_processor: { ...clip, image_processor_type: 'CLIPImageProcessorFast' },
      }),
    );
    expect((await loadImageProcessor({ folder })).kind).toBe('clip');
    await writeFile(join(folder, 'preprocessor_config.json'), '{ not json');
    expect(await codeOf(() => loadImageProcessor({ folder }))).toBe('processor-config-invalid');
    await saveImageProcessor({
      processor: createImageProcessor({ config: { image_processor_type: 'SiglipFeatureExtractor', size: 8 } }),
      folder,
    });
    const loaded = await loadImageProcessor({ folder });
    expect(loaded.kind).toBe('siglip');
    expect((await loaded.process([`${fixtures}tall.png`])).pixelValues.shape).toEqual([1, 3, 12, 8]);
  });

  it.skipIf(process.platform === 'win32')(
    'replace a link under their name instead of writing where it leads, and leave no other file',
    async () => {
      const target = join(folder, 'linked');
      await mkdir(target);
      await writeFile(join(folder, 'elsewhere.json'), 'not ours');
      await symlink(join(folder, 'elsewhere.json'), join(target, 'preprocessor_config.json'));
      await saveImageProcessor({ processor: createImageProcessor({ config: clip }), folder: target });
      expect(await readFile(join(folder, 'elsewhere.json'), 'utf8')).toBe('not ours');
      expect(await readdir(target)).toEqual(['preprocessor_config.json']);
      expect((await loadImageProcessor({ folder: target })).kind).toBe('clip');
    },
  );
});
