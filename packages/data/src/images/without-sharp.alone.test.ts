import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { decodePicture } from './decode-image';
import { encodePng } from './encode-png';
import { inspectImage } from './inspect-image';

vi.mock('sharp', () => {
  throw new Error("Cannot find package 'sharp'");
});

/** A baseline JPEG as far as its size, 8 × 8, which is all that is read before it is decoded. */
const jpeg = Uint8Array.from([
  0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, 0, 8, 0, 8, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 0xff, 0xda, 0, 2, 0xff, 0xd9,
]);

test('JPEG without sharp is a typed error that says what to install, and is found before training; PNG is decoded', async () => {
  await expect(decodePicture({ bytes: jpeg, place: { file: 'a.jpg' } })).rejects.toMatchObject({
    code: 'image-decoder-missing',
    message: expect.stringContaining('npm install sharp'),
  });
  const path = join(await mkdtemp(join(tmpdir(), 'subtext-sharp-')), 'a.jpg');
  await writeFile(path, jpeg);
  expect(await inspectImage({ path })).toContain('npm install sharp');

  const png = encodePng({ data: Uint8Array.of(1, 2, 3), width: 1, height: 1 });
  expect([...(await decodePicture({ bytes: png })).data]).toEqual([1, 2, 3]);
});
