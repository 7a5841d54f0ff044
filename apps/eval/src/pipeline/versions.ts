import { createRequire } from 'node:module';

/** What computed a result, for its files. */
export function packageVersions(): Record<string, string> {
  const { version } = createRequire(import.meta.url)('../package.json') as { version: string };
  return { '@subtext/eval-cli': version, node: process.versions.node };
}
