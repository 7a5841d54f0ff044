import { expect, test, vi } from 'vitest';

import { decodePicture } from './decode-image';

/** What the decoder was told, and what it does then. */
const decoder = vi.hoisted(() => ({ seconds: [] as number[], error: 'timeout: 13% complete' }));
vi.mock('sharp', () => ({
  default: () => {
    const pipeline = {
      metadata: async () => ({ space: 'srgb', channels: 3 }),
      timeout: ({ seconds }: { seconds: number }) => (decoder.seconds.push(seconds), pipeline),
      raw: () => pipeline,
      toBuffer: async () => Promise.reject(new Error(decoder.error)),
    };
    return pipeline;
  },
}));

/** A baseline JPEG as far as its size, 8 × 8. */
const bytes = Uint8Array.from([
  0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, 0, 8, 0, 8, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 0xff, 0xda, 0, 2, 0xff, 0xd9,
]);

test('a picture is decoded for 60 seconds at most, or as long as is asked for, and says so where that was too short', async () => {
  const place = { file: 'a.jpg' };
  await expect(decodePicture({ bytes, place })).rejects.toMatchObject({
    code: 'image-too-large',
    file: 'a.jpg',
    message: expect.stringContaining('took more than 60 seconds') as string,
  });
  await expect(decodePicture({ bytes, place, maximumSeconds: 2.5 })).rejects.toThrow('more than 2.5 seconds');
  expect(decoder.seconds).toEqual([60, 3]);
  decoder.error = 'Premature end of JPEG';
  await expect(decodePicture({ bytes, place })).rejects.toMatchObject({ code: 'image-broken' });
});
