import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createImageProcessor } from './load-image-processor';

/** Made by tooling/parity/make_image_fixtures.py with transformers' PIL processors. */
interface Case {
  name: string;
  config: Record<string, unknown>;
  images: string[] | string[][];
  shape: number[];
  stride: number;
  values: number[];
  sum: number;
  pixelAttentionMask?: { shape: number[]; sums: number[][] };
  rows?: number[][];
  columns?: number[][];
  aspectRatioIds?: number[][];
  aspectRatioMask?: number[][][];
  numTiles?: number[][];
}

const fixtures = fileURLToPath(new URL('../../fixtures/images/', import.meta.url));
const { cases } = JSON.parse(gunzipSync(readFileSync(`${fixtures}expected.json.gz`)).toString()) as { cases: Case[] };
const pathsOf = (images: Case['images']): string[] | string[][] =>
  images.map((entry) => (Array.isArray(entry) ? entry.map((name) => fixtures + name) : fixtures + entry)) as
    string[] | string[][];

/** What one step of a byte is worth in pixel values. */
function step(config: Case['config']): number {
  const factor = config['do_rescale'] === false ? 1 : ((config['rescale_factor'] as number | undefined) ?? 1 / 255);
  const deviation =
    config['do_normalize'] === false
      ? 1
      : config['image_std'] !== undefined
        ? 0.2
        : /^(CLIP|Llava)/.test(String(config['image_processor_type']))
          ? 0.27
          : 0.5;
  return factor / deviation;
}

describe("pixel values equal those of transformers' PIL processors", () => {
  it.each(cases.map((entry) => [entry.name, entry] as const))('%s', async (_name, expected) => {
    const processor = createImageProcessor({ config: expected.config });
    const result = await processor.process(pathsOf(expected.images));
    expect(result.pixelValues.shape).toEqual(expected.shape);
    // Resampling is exact; a JPEG decoder may differ by one step of a byte.
    const tolerance = 1.01 * step(expected.config) + 5e-5;
    let difference = 0;
    for (const [index, value] of expected.values.entries())
      difference = Math.max(difference, Math.abs(value - result.pixelValues.data[index * expected.stride]!));
    expect(difference).toBeLessThan(tolerance);
    const sum = result.pixelValues.data.reduce((total, value) => total + value, 0);
    expect(Math.abs(sum - expected.sum)).toBeLessThan(
      0.02 * step(expected.config) * result.pixelValues.data.length + 0.1,
    );
    if (expected.pixelAttentionMask) {
      const { data, shape } = result.pixelAttentionMask!;
      expect(shape).toEqual(expected.pixelAttentionMask.shape);
      const plane = shape[2]! * shape[3]!;
      const sums = expected.pixelAttentionMask.sums.map((sample, row) =>
        sample.map((_, tile) =>
          data
            .subarray((row * shape[1]! + tile) * plane, (row * shape[1]! + tile + 1) * plane)
            .reduce((total, value) => total + value, 0),
        ),
      );
      expect(sums).toEqual(expected.pixelAttentionMask.sums);
      expect(result.rows).toEqual(expected.rows);
      expect(result.columns).toEqual(expected.columns);
    }
    if (expected.numTiles) {
      expect(result.numTiles).toEqual(expected.numTiles);
      expect([...result.aspectRatioIds!.data]).toEqual(expected.aspectRatioIds!.flat());
      expect([...result.aspectRatioMask!.data]).toEqual(expected.aspectRatioMask!.flat(2));
    }
  });
});
