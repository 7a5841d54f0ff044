/**
 * Says whether the committed results are those of the code as it is.
 *
 *   npm run results                 lists each result: when it was made, and whether code it rests on changed since
 *   npm run results -- --check      runs those that take minutes again and compares them with the committed numbers
 *   npm run results -- --check --from FOLDER   compares with a run that is there (`runs/start`) instead
 *   npm run results -- --pages      writes the tables of pages that quote numbers from their JSON files, and on every page of results
 *                                   the notice that says which code gave its numbers
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { ageInWords, ageOf } from './age.mjs';
import { compareNumbers } from './compare-numbers.mjs';
import { noticesOutOfDate, writeNotices } from './notices.mjs';
import { pagesOutOfDate, writePages } from './pages.mjs';
import { results } from './registry.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** Runs a result's command again; gives back its output. */
function runAgain({ words, output }) {
  const folder = mkdtempSync(join(tmpdir(), 'subtext-results-'));
  try {
    const { status } = spawnSync(process.execPath, [...words, '--output', folder], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (status !== 0) throw new Error(`node ${words.join(' ')} ended with exit code ${status}.`);
    return read(join(folder, output));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const { values } = parseArgs({
  options: { check: { type: 'boolean' }, from: { type: 'string' }, pages: { type: 'boolean' } },
});
let faults = 0;
if (values.pages) {
  for (const page of new Set([...writePages(root), ...writeNotices(root)])) console.log(`${page} written`);
} else if (values.check) {
  for (const { file, check } of results) {
    if (!check) continue;
    if (values.from !== undefined && !existsSync(join(values.from, check.output))) {
      console.log(`${file}: left out, ${values.from} has no ${check.output}`);
      continue;
    }
    const found = values.from === undefined ? runAgain(check) : read(join(values.from, check.output));
    const differences = compareNumbers({ committed: read(join(root, file)), found, tolerances: check.tolerances });
    for (const difference of differences) console.log(`${file}: ${difference}`);
    console.log(
      differences.length === 0
        ? `${file}: what the code gives`
        : `${file}: ${differences.length} numbers are not what the code gives`,
    );
    faults += differences.length;
  }
  for (const page of noticesOutOfDate(root)) {
    console.log(`${page}: does not say of which code its numbers are; run "npm run results -- --pages"`);
    faults += 1;
  }
  for (const page of pagesOutOfDate(root)) {
    console.log(`${page}: not what its JSON files say; run "npm run results -- --pages"`);
    faults += 1;
  }
} else {
  for (const result of results) {
    if (!existsSync(join(root, result.file))) {
      console.log(`${result.file}: is missing`);
      faults += 1;
      continue;
    }
    const age = ageInWords({ file: result.file, age: ageOf({ root, ...result }) }).replace(/^`.*?`: /, '');
    console.log(`${result.file}\n  ${result.command}\n  ${age}${result.check ? ' Checked by --check.' : ''}`);
  }
}
process.exitCode = faults > 0 ? 1 : 0;
