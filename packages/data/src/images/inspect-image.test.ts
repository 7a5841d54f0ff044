import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { encodePng } from './encode-png';
import { inspectImage } from './inspect-image';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-inspect-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

const png = Buffer.from(encodePng({ data: new Uint8Array(300).fill(7), width: 10, height: 10 }));

async function inspect(name: string, bytes: Uint8Array): Promise<string | undefined> {
  await writeFile(join(folder, name), bytes);
  return inspectImage({ path: join(folder, name) });
}

describe('inspectImage', () => {
  it.each(['png', 'jpeg', 'gif', 'webp'] as const)('knows %s', async (format) => {
    expect(await inspect(`whole.${format}`, await sharp(png).toFormat(format).toBuffer())).toBeUndefined();
  });

  it('tells what is no image, and a PNG that breaks off, but lets one pass that has bytes after its end', async () => {
    expect(await inspectImage({ path: join(folder, 'nowhere.png') })).toMatch(/no such image/);
    expect(await inspectImage({ path: folder })).toMatch(/can't be read|no image/);
    expect(await inspect('empty.png', new Uint8Array(0))).toMatch(/empty/);
    expect(await inspect('text.png', Buffer.from('not a picture at all'))).toMatch(/no image of a known format/);
    expect(await inspect('torn.png', png.subarray(0, png.length - 3))).toMatch(/breaks off/);
    expect(await inspect('more.png', Buffer.concat([png, Buffer.from('more')]))).toBeUndefined();
  });
});
