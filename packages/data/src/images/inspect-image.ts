import { open } from 'node:fs/promises';

/** How the formats that can be decoded begin. */
const beginnings: readonly { name: string; matches: (head: Buffer) => boolean }[] = [
  { name: 'PNG', matches: (head) => head.subarray(0, 8).equals(Buffer.from('89504e470d0a1a0a', 'hex')) },
  { name: 'JPEG', matches: (head) => head.subarray(0, 3).equals(Buffer.from('ffd8ff', 'hex')) },
  { name: 'GIF', matches: (head) => /^GIF8[79]a/.test(head.toString('latin1')) },
  { name: 'WebP', matches: (head) => head.toString('latin1', 0, 4) === 'RIFF' && head.toString('latin1', 8, 12) === 'WEBP' },
  { name: 'TIFF', matches: (head) => ['II*\0', 'MM\0*', 'II+\0', 'MM\0+'].includes(head.toString('latin1', 0, 4)) },
  { name: 'AVIF', matches: (head) => head.toString('latin1', 4, 8) === 'ftyp' && /^(?:avi[fs]|mif1|msf1|heic)/.test(head.toString('latin1', 8, 12)) },
  { name: 'SVG', matches: (head) => /^\s*</.test(head.toString('latin1')) },
];

/** The last chunk of every whole PNG. */
const pngEnd = Buffer.from('0000000049454e44ae426082', 'hex');

/**
 * A quick look at an image file, a few bytes at either end: tells empty files, files that are no image, and PNGs that
 * break off. What only decoding finds, `loadImage` tells.
 *
 * @returns what is wrong, or undefined
 */
export async function inspectImage(path: string): Promise<string | undefined> {
  let handle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such image' : `the image can't be read (${(error as Error).message})`;
  }
  try {
    const { size } = await handle.stat();
    if (size === 0) return 'the image is empty';
    const head = Buffer.alloc(Math.min(16, size));
    await handle.read(head, 0, head.length, 0);
    const format = beginnings.find(({ matches }) => matches(head))?.name;
    if (format === undefined) return 'the file is no image of a known format';
    if (format !== 'PNG') return undefined;
    const tail = Buffer.alloc(Math.min(pngEnd.length, size));
    await handle.read(tail, 0, tail.length, size - tail.length);
    // Bytes after the end are allowed, if rare: only a file without it where it belongs is looked at more closely.
    if (tail.equals(pngEnd)) return undefined;
    const whole = await handle.readFile();
    return whole.includes(pngEnd) ? undefined : 'the image breaks off before its end';
  } catch (error) {
    return `the image can't be read (${(error as Error).message})`;
  } finally {
    await handle.close();
  }
}
