import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { ageInWords, ageOf } from './age.mjs';
import { results } from './registry.mjs';

const place = /(<!-- made -->\n)[^]*?(<!-- \/made -->)/;

const pages = [...new Set(results.flatMap(({ page }) => page ?? []))];

/** The pages of results, each with what its notice should say of the code that gave its numbers. */
function notices(root) {
  return pages.map((page) => {
    const lines = results
      .filter((result) => result.page === page)
      .map((result) => `- ${ageInWords({ file: result.file, age: ageOf({ root, ...result }) })}`);
    const text = readFileSync(join(root, page), 'utf8');
    if (!place.test(text)) throw new Error(`${page} has no place for its notice: <!-- made --> … <!-- /made -->.`);
    const notice = ['', 'Which code gave these numbers (`npm run results`):', '', ...lines, '', ''].join('\n');
    return { page, text, wanted: text.replace(place, (_, open, close) => `${open}${notice}${close}`) };
  });
}

/** Pages of results that have no place for a notice. */
export const pagesWithoutNotice = (root) => pages.filter((page) => !place.test(readFileSync(join(root, page), 'utf8')));

/** Pages that do not say of which code their numbers are. */
export const noticesOutOfDate = (root) =>
  notices(root)
    .filter(({ text, wanted }) => text !== wanted)
    .map(({ page }) => page);

/** Writes the notices; gives back the pages that changed. */
export function writeNotices(root) {
  const stale = notices(root).filter(({ text, wanted }) => text !== wanted);
  for (const { page, wanted } of stale) writeFileSync(join(root, page), wanted);
  return stale.map(({ page }) => page);
}
