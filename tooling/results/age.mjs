import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { codeChanged } from './code-changes.mjs';

function git({ root, words }) {
  const { status, stdout } = spawnSync('git', words, { cwd: root, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** The commit whose code gave a result, with its day: what its file records, or, in files that record none, the commit that brought the file. */
function madeAt({ root, file }) {
  const path = join(root, file);
  if (!existsSync(path)) return undefined;
  const { made, machine } = JSON.parse(readFileSync(path, 'utf8'));
  const recorded = made?.commit ?? machine?.commit;
  const words = recorded ? ['show', '-s', '--format=%H %as', recorded] : ['log', '-1', '--format=%H %as', '--', file];
  const [commit, date] = git({ root, words })?.split(' ') ?? [];
  return commit ? { commit, date } : undefined;
}

/**
 * How old a result is: the commit whose code gave it; `confirmed`, a later commit whose code was seen to do the same in part; and
 * whether code that it rests on has changed since the later of the two. Undefined where git cannot say.
 */
export function ageOf({ root, file, code, confirmed, by }) {
  const made = madeAt({ root, file });
  if (made === undefined) return undefined;
  return {
    ...made,
    confirmed,
    by,
    changed: codeChanged({ root, from: confirmed?.commit ?? made.commit, paths: code }),
  };
}

const short = (commit) => commit.slice(0, 7);

/** A result's age in a sentence, which stays true until code that it rests on changes. */
export function ageInWords({ file, age }) {
  const name = file.split('/').at(-1);
  if (age === undefined) return `\`${name}\`: git cannot say of which commit.`;
  const { commit, date, confirmed, by, changed } = age;
  const made = `\`${name}\`: made with the code of ${short(commit)} (${date})${by ? `; ${by}` : ''}`;
  const again = confirmed ? `; with that of ${short(confirmed.commit)}, ${confirmed.what}` : '';
  const then = confirmed ? ` ${short(confirmed.commit)}` : '';
  if (changed === undefined) return `${made}${again}; git cannot say what changed since.`;
  return changed
    ? `${made}${again}; **code that it rests on has changed since${then}**, and may give other numbers.`
    : `${made}${again}; nothing that it rests on has changed since${then}.`;
}
