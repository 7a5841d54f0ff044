// Carries out many command lines of the built command in one process: starting it takes longer than two steps of training.
import { readFileSync } from 'node:fs';

import { observeReads } from './observe-reads.mjs';

const [main, file] = process.argv.slice(2);
const { jobs, leaves } = JSON.parse(readFileSync(file, 'utf8'));
// Which keys of their configurations the commands read.
const observed = leaves && observeReads(leaves);
if (observed) globalThis[Symbol.for('subtext.observe-configuration')] = observed.observe;
const write = process.stdout.write.bind(process.stdout);
for (const [index, words] of jobs.entries()) {
  let errors = '';
  let output = '';
  process.stdout.write = (text, ...rest) => {
    output += text;
    rest.find((value) => typeof value === 'function')?.();
    return true;
  };
  process.stderr.write = (text, ...rest) => {
    errors += text;
    rest.find((value) => typeof value === 'function')?.();
    return true;
  };
  process.argv = [process.argv[0], main, ...words];
  process.exitCode = 0;
  const began = performance.now();
  let thrown;
  await import(`${main}?run=${index}`).catch((error) => (thrown = error.stack));
  write(
    `${JSON.stringify({ index, code: process.exitCode ?? 0, errors, output: output.slice(-4000), thrown, seconds: (performance.now() - began) / 1000 })}\n`,
  );
}
if (observed) write(`${JSON.stringify({ reads: [...observed.reads], copies: [...observed.copies] })}\n`);
process.exit(0);
