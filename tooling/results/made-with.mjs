import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * What a result is made with, for its JSON file: the commit of the clone (`changed` where files of packages or apps are not
 * as they are there), the day, and the machine.
 */
export function madeWith() {
  const git = (...words) => spawnSync('git', words, { cwd: root, encoding: 'utf8' }).stdout?.trim() ?? '';
  return {
    commit: git('rev-parse', 'HEAD') || null,
    changed: git('status', '--porcelain', '--untracked-files=no', '--', 'packages', 'apps', ':!*.test.ts') !== '',
    date: new Date().toISOString().slice(0, 10),
    node: process.versions.node,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    threads: cpus().length,
  };
}

/** The same in a sentence of a page. */
export function madeWithWords({ commit, commits = [commit], changed, date, node, processor, threads }) {
  const code = commit
    ? `the code of commit ${commits.map((one) => one.slice(0, 7)).join(' and ')}${changed ? ' and changes that were not committed' : ''}`
    : 'code of no commit';
  return `Made on ${date} with ${code}, Node ${node}, ${threads} × ${processor}; \`npm run results\` says what changed since.`;
}
