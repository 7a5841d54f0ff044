import { execFileSync } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { crc32, encodePng } from './encode-png';
import { decodePicture, withoutAlpha } from './decode-image';
import { inspectImage } from './inspect-image';
import { imageBytes, loadImage } from './load-image';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-images-'));
});

const picture = fc
  .record({ width: fc.integer({ min: 1, max: 40 }), height: fc.integer({ min: 1, max: 9 }) })
  .chain(({ width, height }) =>
    fc
      .uint8Array({ minLength: width * height * 3, maxLength: width * height * 3 })
      .map((data) => ({ data, width, height })),
  );

describe('PNG', () => {
  test('an independent decoder reads back what encodePng wrote, and so does our own', async () => {
    await fc.assert(
      fc.asyncProperty(picture, async (image) => {
        const bytes = encodePng(image);
        const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
        expect([info.width, info.height, info.channels]).toEqual([image.width, image.height, 3]);
        expect(new Uint8Array(data)).toEqual(image.data);
        expect(withoutAlpha(await decodePicture({ bytes }))).toEqual(image);
      }),
      { numRuns: 40 },
    );
  });

  test('pictures of more than one stored block (65,535 bytes) are whole', async () => {
    const image = {
      data: Uint8Array.from({ length: 200 * 150 * 3 }, (_, index) => (index * 7) % 251),
      width: 200,
      height: 150,
    };
    expect(new Uint8Array(await sharp(encodePng(image)).raw().toBuffer())).toEqual(image.data);
  });

  test('damaged files are refused with the place', async () => {
    const bytes = encodePng({ data: new Uint8Array(300).fill(7), width: 10, height: 10 });
    for (const at of [0, 20, 60, bytes.length - 20]) {
      const damaged = Uint8Array.from(bytes);
      damaged[at]! ^= 0xff;
      await expect(decodePicture({ bytes: damaged })).rejects.toMatchObject({ code: 'image-broken' });
    }
    await expect(imageBytes({ bytes: bytes.subarray(0, 40), file: 'set.tsv', line: 3 }).load()).rejects.toMatchObject({
      code: 'image-broken',
      file: 'set.tsv',
      line: 3,
    });
  });

  test('random bytes and random changes give a picture or a named error', async () => {
    const [{ data: seedPixels }] = [
      { data: Uint8Array.from({ length: 12 * 9 * 3 }, (_, index) => (index * 37) % 256) },
    ];
    const files = await Promise.all(
      (['png', 'gif', 'jpeg', 'webp'] as const).map(
        async (format) =>
          new Uint8Array(
            await sharp(seedPixels, { raw: { width: 12, height: 9, channels: 3 } })
              .toFormat(format)
              .toBuffer(),
          ),
      ),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 }),
        fc.option(fc.nat()),
        async (file, changes, cut) => {
          const changed = Uint8Array.from(cut === null ? file : file.subarray(0, cut % file.length));
          for (const [at, value] of changes) if (changed.length > 0) changed[at % changed.length] = value;
          try {
            const { data, width, height, channels } = await decodePicture({ bytes: changed, maximumPixels: 1e6 });
            expect(data.length).toBe(width * height * channels);
          } catch (error) {
            expect((error as { code: string }).code).toMatch(/^image-(broken|too-large)$/);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** A PNG of one colour: small as a file, large as a picture. */
function flatPng(width: number, height: number): Uint8Array {
  const whole = encodePng({ data: new Uint8Array(3), width: 1, height: 1 });
  const rows = deflateSync(new Uint8Array(Math.min(height * (width * 3 + 1), 1e6)), { level: 9 });
  const chunk = (name: string, body: Uint8Array): Uint8Array => {
    const bytes = new Uint8Array(body.length + 12);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, body.length);
    bytes.set(Buffer.from(name), 4);
    bytes.set(body, 8);
    view.setUint32(body.length + 8, crc32(bytes, 4, body.length + 8));
    return bytes;
  };
  const header = Uint8Array.from(whole.subarray(16, 29));
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  return Buffer.concat([
    whole.subarray(0, 8),
    chunk('IHDR', header),
    chunk('IDAT', rows),
    chunk('IEND', new Uint8Array(0)),
  ]);
}

describe('pictures from strangers', () => {
  // 36 bytes: a WebP that says it has 16,383 × 16,383 pixels.
  const webp = Buffer.from('524946461c000000574542505650384c0f0000002f7ffe9f0f0710fd8ffe0722a2ff0100', 'hex');
  const gif = Buffer.from('47494638396160ea60ea800000000000ffffff2c0000000060ea60ea0002024401003b', 'hex');

  test('are refused by what their header says, before anything is allocated', async () => {
    const before = process.memoryUsage.rss();
    for (const [name, bytes] of [
      ['flat.png', flatPng(18_000, 18_000)],
      ['long.png', flatPng(2 ** 26, 1)],
      ['small.webp', webp],
      ['large.gif', gif],
    ] as const) {
      const path = join(folder, name);
      await writeFile(path, bytes);
      await expect(loadImage({ path })).rejects.toMatchObject({ code: 'image-too-large' });
      expect(await inspectImage({ path })).toMatch(/pixels/);
    }
    expect(process.memoryUsage.rss() - before).toBeLessThan(200e6);
    await expect(loadImage({ path: join(folder, 'flat.png'), maximumBytes: 100 })).rejects.toMatchObject({
      code: 'image-too-large',
    });
    await expect(decodePicture({ bytes: flatPng(20, 20), maximumPixels: 399 })).rejects.toMatchObject({
      code: 'image-too-large',
    });
    expect(await decodePicture({ bytes: flatPng(20, 20), maximumPixels: 400 })).toMatchObject({
      width: 20,
      height: 20,
    });
  });

  test('a JPEG of very many scans is refused', async () => {
    const jpeg = await sharp({ create: { width: 64, height: 64, channels: 3, background: 'red' } })
      .jpeg({ progressive: true })
      .toBuffer();
    const scan = jpeg.lastIndexOf(Buffer.from([0xff, 0xda]));
    const last = jpeg.subarray(scan, jpeg.length - 2);
    await expect(
      decodePicture({
        bytes: Buffer.concat([
          jpeg.subarray(0, scan),
          ...Array.from({ length: 300 }, () => last),
          Buffer.from([0xff, 0xd9]),
        ]),
      }),
    ).rejects.toThrow(/scans/);
  });

  test('are of the formats that are promised: no SVG, TIFF or AVIF, whatever their name', async () => {
    for (const [name, bytes] of [
      [
        'a.svg',
        Buffer.from(
          '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><rect width="4" height="4" fill="red"/></svg>',
        ),
      ],
      ['b.png', Buffer.from('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>')],
      [
        'c.tiff',
        await sharp(Buffer.from([1, 2, 3]), { raw: { width: 1, height: 1, channels: 3 } })
          .tiff()
          .toBuffer(),
      ],
      [
        'd.avif',
        await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
          .avif({ effort: 0 })
          .toBuffer(),
      ],
    ] as const) {
      await writeFile(join(folder, name), bytes);
      await expect(loadImage({ path: join(folder, name) })).rejects.toThrow(/no PNG, JPEG, WebP or GIF file/);
      expect(await inspectImage({ path: join(folder, name) })).toMatch(/known format/);
    }
  });

  test.skipIf(process.platform === 'win32')('are regular files: pipes and devices are not waited for', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe.png')]);
    await expect(loadImage({ path: join(folder, 'pipe.png') })).rejects.toMatchObject({ code: 'image-broken' });
    await expect(loadImage({ path: '/dev/zero' })).rejects.toMatchObject({ code: 'image-broken' });
    expect(await inspectImage({ path: join(folder, 'pipe.png') })).toMatch(/not a file/);
  });

  test.each(['webp', 'jpeg', 'png', 'gif'] as const)('a %s that was replaced is seen as it is now', async (format) => {
    const path = join(folder, `replaced.${format}`);
    for (const background of ['#ff0000', '#0000ff']) {
      await writeFile(
        path,
        await sharp({ create: { width: 400, height: 400, channels: 3, background } })
          .toFormat(format)
          .toBuffer(),
      );
      const [red, , blue] = (await loadImage({ path })).data;
      expect(background === '#ff0000' ? red! > 250 && blue! < 5 : blue! > 250 && red! < 5).toBe(true);
    }
  });
});

describe('loadImage', () => {
  test('reads grey, transparent and JPEG images as three channels, transparent pixels in their own colours', async () => {
    const grey = join(folder, 'grey.png');
    await sharp(Buffer.from([0, 100, 200, 255]), { raw: { width: 2, height: 2, channels: 1 } })
      .png()
      .toFile(grey);
    expect(await loadImage({ path: grey })).toEqual({
      data: Uint8Array.from([0, 0, 0, 100, 100, 100, 200, 200, 200, 255, 255, 255]),
      width: 2,
      height: 2,
    });

    const transparent = join(folder, 'transparent.png');
    await sharp(Buffer.from([255, 0, 0, 255, 0, 0, 0, 0]), { raw: { width: 2, height: 1, channels: 4 } })
      .png()
      .toFile(transparent);
    expect((await loadImage({ path: transparent })).data).toEqual(Uint8Array.from([255, 0, 0, 0, 0, 0]));

    const jpeg = join(folder, 'photo.jpg');
    await sharp({ create: { width: 9, height: 5, channels: 3, background: '#336699' } })
      .jpeg()
      .toFile(jpeg);
    const photo = await loadImage({ path: jpeg });
    expect([photo.width, photo.height, photo.data.length]).toEqual([9, 5, 135]);
  });

  test('names a missing and a broken image', async () => {
    await expect(loadImage({ path: join(folder, 'none.png') })).rejects.toMatchObject({
      code: 'image-missing',
      file: join(folder, 'none.png'),
    });
    await writeFile(join(folder, 'text.png'), 'not a picture');
    await expect(loadImage({ path: join(folder, 'text.png') })).rejects.toMatchObject({ code: 'image-broken' });
    await expect(loadImage({ path: folder })).rejects.toMatchObject({ code: 'image-broken' });
  });
});
