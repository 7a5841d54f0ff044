import { readRegularFile } from '@subtext/core/node';
import { isReportPicture, type ReportImage } from '../report/image-source';
import type { ReasoningExample } from '@subtext/data';

/** Pictures larger than this would make a page that nobody opens. */
const maximumBytes = 8 * 2 ** 20;

/**
 * The pictures of the first examples as a report shows them. One that cannot be read, or that is no PNG, JPEG, GIF or
 * WebP whatever its name says, is left out: its sample says what is wrong with it.
 */
export async function reportImages({
  examples,
  count,
}: {
  examples: readonly ReasoningExample[];
  count: number;
}): Promise<Map<string, ReportImage>> {
  const images = new Map<string, ReportImage>();
  for (const { id, image } of examples.slice(0, count)) {
    const data =
      image === undefined
        ? undefined
        : await readRegularFile({ path: image.path, maximumBytes }).catch(() => undefined);
    if (data !== undefined && isReportPicture(data))
      images.set(id, { data, alternativeText: `Picture of ${id}`, pixelated: true });
  }
  return images;
}
