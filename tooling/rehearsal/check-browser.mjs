import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { chromium, runPage } from '../build/browser-page.js';
import { exampleForBrowser } from './check-example.mjs';

/** Whether a package is made for browsers: an entry has a condition for them, or is one of theirs. */
export const forBrowsers = ({ exports = {} }) =>
  Object.entries(exports).some(([path, entry]) => path === './browser' || entry.browser !== undefined);

/** Entries that a page may import. */
const entriesFor = ({ name, exports }) =>
  Object.entries(exports)
    .filter(([path, entry]) => path === './browser' || entry.browser !== undefined)
    .map(([path]) => name + path.slice(1));

/** Optional peers that a package's README names for browsers, and that its bundle needs. */
export const peersForBrowsers = { '@subtext/engine-webgpu': ['@tensorflow/tfjs-backend-webgpu@4.22.0'] };

const pageOf = ({ entries, example }) => `
const results = { errors: [], names: 0 };
window.addEventListener('error', ({ message }) => results.errors.push(message));
window.addEventListener('unhandledrejection', ({ reason }) => results.errors.push(String(reason)));
try {
${entries.map((entry) => `  results.names += Object.keys(await import('${entry}')).length;`).join('\n')}
${example ? `  await import('../../${example}');` : ''}
} catch (error) {
  results.errors.push(String(error.stack ?? error));
}
await fetch('/results', { method: 'POST', body: JSON.stringify(results) });
`;

/**
 * Bundles with Vite what a package offers browsers, with its README's example where that writes no file, and runs it in
 * headless Chromium.
 *
 * @returns `ran`: 'imported', 'example', or undefined where it could not be tried or failed.
 */
export async function checkBrowser({ manifest, folder }) {
  if (chromium === undefined || !existsSync(join(folder, 'node_modules'))) return { faults: [] };
  const example = exampleForBrowser({ name: manifest.name, folder });
  const page = pageOf({ entries: entriesFor(manifest), example });
  try {
    const { results, warnings } = await runPage({ packageFolder: folder, page, site: folder, seconds: 180 });
    const faults = [
      ...results.errors.map((message) => `in Chromium: ${message}`),
      ...(results.names === 0 ? ['in Chromium: it exports nothing'] : []),
      ...warnings.filter((text) => /externalized|node:/.test(text)).map((text) => `bundled for browsers: ${text}`),
    ];
    return { ran: faults.length > 0 ? undefined : example ? 'example' : 'imported', faults };
  } catch (error) {
    return { faults: [`for browsers: ${error.message}`] };
  }
}
