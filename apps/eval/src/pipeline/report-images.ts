import type { ReportImage } from '@subtext/eval';
import type { ReasoningExample } from '@subtext/data';
import { readFile } from 'node:fs/promises';

/** The pictures of the first examples as a report shows them; ones that cannot be read as files are left out. */
export async function reportImages({ examples, count }: { examples: readonly ReasoningExample[]; count: number }): Promise<Map<string, ReportImage>> {
  const images = new Map<string, ReportImage>();
  for (const { id, image } of examples.slice(0, count)) {
    const data = image === undefined ? undefined : await readFile(image.path).catch(() => undefined);
    // A report takes what browsers show; other formats would be refused.
    if (data && /\.(png|jpe?g|gif|webp)$/i.test(image!.path)) images.set(id, { data, alternativeText: `Picture of ${id}`, pixelated: true });
  }
  return images;
}
