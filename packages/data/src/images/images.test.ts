import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { encodePng } from './encode-png';
import { imageBytes, loadImage } from './load-image';
import { decodePlainPng } from './plain-png';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-images-'));
});

const picture = fc
  .record({ width: fc.integer({ min: 1, max: 40 }), height: fc.integer({ min: 1, max: 9 }) })
  .chain(({ width, height }) => fc.uint8Array({ minLength: width * height * 3, maxLength: width * height * 3 }).map((data) => ({ data, width, height })));

describe('PNG', () => {
  test('an independent decoder reads back what encodePng wrote, and so does the fast path', async () => {
    await fc.assert(
      fc.asyncProperty(picture, async (image) => {
        const bytes = encodePng(image);
        const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
        expect([info.width, info.height, info.channels]).toEqual([image.width, image.height, 3]);
        expect(new Uint8Array(data)).toEqual(image.data);
        expect(decodePlainPng(bytes)).toEqual(image);
      }),
      { numRuns: 40 },
    );
  });

  test('pictures of more than one stored block (65,535 bytes) are whole', async () => {
    const image = { data: Uint8Array.from({ length: 200 * 150 * 3 }, (_, index) => (index * 7) % 251), width: 200, height: 150 };
    expect(new Uint8Array(await sharp(encodePng(image)).raw().toBuffer())).toEqual(image.data);
  });

  test('the fast path leaves damaged files to the general decoder, which refuses them', async () => {
    const bytes = encodePng({ data: new Uint8Array(300).fill(7), width: 10, height: 10 });
    for (const at of [0, 20, 60, bytes.length - 20]) {
      const damaged = Uint8Array.from(bytes);
      damaged[at]! ^= 0xff;
      expect(decodePlainPng(damaged)).toBeUndefined();
    }
    await expect(imageBytes({ bytes: bytes.subarray(0, 40), file: 'set.tsv', line: 3 }).load()).rejects.toMatchObject({ code: 'image-broken', file: 'set.tsv', line: 3 });
  });
});

describe('loadImage', () => {
  test('reads grey, transparent and JPEG images as three channels, transparency over white', async () => {
    const grey = join(folder, 'grey.png');
    await sharp(Buffer.from([0, 100, 200, 255]), { raw: { width: 2, height: 2, channels: 1 } }).png().toFile(grey);
    expect(await loadImage(grey)).toEqual({ data: Uint8Array.from([0, 0, 0, 100, 100, 100, 200, 200, 200, 255, 255, 255]), width: 2, height: 2 });

    const transparent = join(folder, 'transparent.png');
    await sharp(Buffer.from([255, 0, 0, 255, 0, 0, 0, 0]), { raw: { width: 2, height: 1, channels: 4 } }).png().toFile(transparent);
    expect((await loadImage(transparent)).data).toEqual(Uint8Array.from([255, 0, 0, 255, 255, 255]));

    const jpeg = join(folder, 'photo.jpg');
    await sharp({ create: { width: 9, height: 5, channels: 3, background: '#336699' } }).jpeg().toFile(jpeg);
    const photo = await loadImage(jpeg);
    expect([photo.width, photo.height, photo.data.length]).toEqual([9, 5, 135]);
  });

  test('names a missing and a broken image', async () => {
    await expect(loadImage(join(folder, 'none.png'))).rejects.toMatchObject({ code: 'image-missing', file: join(folder, 'none.png') });
    await writeFile(join(folder, 'text.png'), 'not a picture');
    await expect(loadImage(join(folder, 'text.png'))).rejects.toMatchObject({ code: 'image-broken' });
    await expect(loadImage(folder)).rejects.toMatchObject({ code: 'image-broken' });
  });
});
