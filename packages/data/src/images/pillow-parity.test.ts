import { readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from './encode-png';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { loadImage } from './load-image';

/** Made by tooling/parity/make_picture_fixtures.py: pictures as files, and what transformers' load_image sees in them. */
interface Recorded {
  name: string;
  file: string;
  width: number;
  height: number;
  rgb?: string;
  crc?: number;
}

const { pictures } = JSON.parse(
  gunzipSync(readFileSync(new URL('../../fixtures/pictures.json.gz', import.meta.url))).toString(),
) as {
  pictures: Recorded[];
};
const folder = await mkdtemp(join(tmpdir(), 'subtext-pillow-'));

describe('loadImage sees what transformers sees', () => {
  test.each(pictures.map((picture) => [picture.name, picture] as const))(
    '%s',
    async (name, { file, width, height, rgb, crc }) => {
      const path = join(folder, name.replaceAll(/[ :]/g, '-'));
      await writeFile(path, Buffer.from(file, 'base64'));
      const image = await loadImage({ path });
      expect([image.width, image.height]).toEqual([width, height]);
      if (rgb === undefined) expect(crc32(image.data, 0, image.data.length)).toBe(crc);
      else expect([...image.data]).toEqual([...Buffer.from(rgb, 'base64')]);
    },
  );
});
