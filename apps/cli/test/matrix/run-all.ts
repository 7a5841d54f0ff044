import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect } from 'vitest';

/** What became of a command line. */
export interface Outcome {
  index: number;
  code: number;
  errors: string;
  output: string;
  thrown?: string;
}

/** Keys of configurations that were read, and those that were copied with their block. */
interface Reads {
  reads: string[];
  copies: string[];
}

/** Carries out command lines of the built command, a share of them in each of two processes. */
export async function runAll({
  folder,
  jobs,
  leaves,
}: {
  folder: string;
  jobs: readonly string[][];
  /** A configuration's keys: which of them are read is noted. */ leaves?: readonly string[];
}): Promise<{ outcomes: Outcome[] } & Reads> {
  const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
  if (!existsSync(main)) throw new Error('The command is not built: run "npm run bootstrap" first.');
  const runner = fileURLToPath(new URL('./run-many.mjs', import.meta.url));
  const parts = [0, 1].map((half) =>
    jobs.map((job, index) => ({ job, index })).filter(({ index }) => index % 2 === half),
  );
  const observed: Reads = { reads: [], copies: [] };
  const outcomes = await Promise.all(
    parts.map(async (part, half) => {
      const file = join(folder, `jobs-${half}.json`);
      await writeFile(file, JSON.stringify({ jobs: part.map(({ job }) => job), leaves }));
      const child = spawn(process.execPath, [runner, pathToFileURL(main).href, file], {
        cwd: folder,
        env: { ...process.env, NO_COLOR: '1', HF_HUB_OFFLINE: '1' },
      });
      let output = '';
      let errors = '';
      child.stdout.on('data', (data: Buffer) => (output += data.toString()));
      child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
      await new Promise((resolve) => child.on('close', resolve));
      const lines = output
        .split('\n')
        .flatMap((line) => (line.startsWith('{"index"') ? [JSON.parse(line) as Outcome] : []));
      for (const line of output.split('\n').filter((one) => one.startsWith('{"reads"'))) {
        const { reads, copies } = JSON.parse(line) as Reads;
        observed.reads.push(...reads);
        observed.copies.push(...copies);
      }
      expect(lines.length, errors + output.slice(-500)).toBe(part.length);
      return lines.map((line) => ({ ...line, index: part[line.index]!.index }));
    }),
  );
  return { outcomes: outcomes.flat().sort((a, b) => a.index - b.index), ...observed };
}
