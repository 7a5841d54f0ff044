/**
 * `npm run gpu-check`: what this machine's GPU computes right, and how fast, in at most six minutes: every operation and its
 * gradient against float64, a golden case of each model family against what transformers gave, training steps and
 * generation. On `webgpu`, and on `tensorflow` where it loads with CUDA. Each part runs in a process of its own, so that a
 * driver that takes its process along takes no more.
 *
 *     npm run gpu-check -- [--engines webgpu,tensorflow] [--minutes 6] [--parts operations,golden,train,generate]
 *                          [--software] [--output gpu-check.json]
 *
 * Writes a JSON file with the device's name. A GPU that a processor imitates is left alone without `--software`. What is
 * not there or does not fit into the time is said, and is no fault; the exit code is 1 where something computed wrong.
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, platform, release } from 'node:os';
import { clearTimeout, setTimeout } from 'node:timers';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const names = ['operations', 'golden', 'train', 'generate'];
const { values } = parseArgs({
  options: {
    engines: { type: 'string', default: 'webgpu,tensorflow' },
    minutes: { type: 'string', default: '6' },
    parts: { type: 'string', default: names.join(',') },
    software: { type: 'boolean', default: false },
    output: { type: 'string', default: 'gpu-check.json' },
  },
});
const parts = values.parts.split(',');
const unknown = parts.find((part) => !names.includes(part));
if (unknown !== undefined || !(Number(values.minutes) > 0)) {
  console.error(
    unknown !== undefined
      ? `gpu-check: there is no part ${unknown}; there are ${names.join(', ')}.`
      : 'gpu-check: --minutes must be above 0.',
  );
  process.exit(2);
}
const end = performance.now() + 60_000 * Number(values.minutes);

/** Runs a part in a process of its own; its lines of JSON, and why it ended if not well. */
function run(part, engine, seconds, software = false) {
  return new Promise((resolve) => {
    const script = fileURLToPath(new URL('./check-part.mjs', import.meta.url));
    const child = spawn(process.execPath, [script, part, engine, String(seconds), software ? 'software' : 'real'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [output, errors] = ['', ''];
    let late = false;
    const timer = setTimeout(
      () => {
        late = true;
        child.kill('SIGKILL');
      },
      1000 * seconds + 5000,
    );
    child.stdout.on('data', (data) => (output += data));
    child.stderr.on('data', (data) => (errors = (errors + data).slice(-4000)));
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const lines = output.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
      const said = errors.split('\n').find((line) => /Error|error/.test(line));
      const problem = late ? 'the time was up' : code === 0 ? null : (said ?? `it ended with ${signal ?? code}`).trim();
      resolve({ lines, problem, late });
    });
  });
}

const secondsLeft = () => Math.floor((end - performance.now()) / 1000);
const report = {
  date: new Date().toISOString(),
  node: process.versions.node,
  platform: `${platform()} ${release()} ${process.arch}`,
  processor: cpus()[0]?.model.trim(),
  engines: [],
};
let wrong = 0;
for (const engine of values.engines.split(',')) {
  const entry = { engine, device: null, reason: null };
  report.engines.push(entry);
  const { lines, problem } = await run('device', engine, Math.min(60, secondsLeft()));
  const [found] = lines;
  if (problem !== null || found === undefined || found.reason) entry.reason = found?.reason ?? problem;
  else {
    entry.device = found.device;
    if (found.device.kind !== 'gpu') entry.reason = 'it computes on the processor';
    else if (found.device.software && !values.software)
      entry.reason = 'the GPU is one that the processor imitates; --software checks it all the same';
  }
  console.log(`${engine}: ${entry.device?.name ?? ''}${entry.reason ? ` left out: ${entry.reason}` : ''}`);
  if (entry.reason !== null) continue;
  for (const part of parts) {
    // The first parts may not take the others' time.
    const share = part === 'operations' ? 0.5 : part === 'golden' ? 0.5 : part === 'train' ? 0.6 : 1;
    const seconds = Math.floor(secondsLeft() * share);
    if (seconds < 5) {
      entry[part] = { reason: 'the time was up' };
      console.log(`  ${part}: the time was up`);
      continue;
    }
    const began = performance.now();
    const result = await run(part, engine, seconds, entry.device.software === true);
    entry[part] = { results: result.lines, seconds: (performance.now() - began) / 1000, reason: result.problem };
    const failed = result.lines.filter(({ faults }) => faults !== undefined && faults.length > 0);
    wrong += failed.length + (result.problem !== null && !result.late ? 1 : 0);
    const checked = result.lines.filter(({ faults }) => faults !== undefined).length;
    console.log(
      `  ${part}: ${checked > 0 ? `${checked - failed.length} right, ${failed.length} wrong` : `${result.lines.length} measured`}, ${entry[part].seconds.toFixed(0)} s${result.problem ? `; ${result.problem}` : ''}`,
    );
    for (const { name, faults } of failed) console.log(`    ${name}: ${faults.join('; ')}`);
    for (const { name, tokensPerSecond } of result.lines.filter((line) => line.tokensPerSecond !== undefined))
      console.log(`    ${name}: ${tokensPerSecond.toFixed(0)} tokens/s`);
  }
}
writeFileSync(values.output, `${JSON.stringify(report, null, 2)}\n`);
console.log(`Written: ${values.output}`);
if (report.engines.every(({ reason }) => reason !== null)) console.log('No GPU was checked.');
process.exitCode = wrong > 0 ? 1 : 0;
