import { version } from '../version';

/** What computed a result, for its files. */
export function packageVersions(): Record<string, string> {
  return { '@subtext/eval-cli': version, node: process.versions.node };
}
