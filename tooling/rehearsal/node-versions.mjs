import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { runProgram } from './run-program.mjs';

/**
 * Programs of Node, by their major versions or paths: this one, or npm's package `node`, which holds the program of each
 * version and is put into `folder` once.
 */
export function nodePrograms({ wanted, folder }) {
  return Promise.all(
    wanted.map(async (asked) => {
      const program = /^\d+(\.\d+)*$/.test(asked) ? await nodeOf({ version: asked, folder }) : asked;
      const { stdout } = await runProgram({ program, args: ['--version'] });
      return { program, version: stdout.trim().slice(1) };
    }),
  );
}

async function nodeOf({ version, folder }) {
  if (process.versions.node === version || process.versions.node.split('.')[0] === version) return process.execPath;
  const place = join(folder, version);
  const program = join(place, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (existsSync(program)) return program;
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, 'package.json'), JSON.stringify({ private: true }));
  // Its script puts the platform's program in place.
  await runProgram({
    program: 'npm',
    args: ['install', '--no-audit', '--no-fund', '--ignore-scripts=false', `node@${version}`],
    folder: place,
  });
  return program;
}
