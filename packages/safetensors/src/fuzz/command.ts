import { parseArgs } from 'node:util';
import { fuzz } from './fuzz';

const { values } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '1' } },
});
const count = Number(values.count);
const seed = Number(values.seed);
if (!Number.isSafeInteger(count) || count <= 0 || !Number.isSafeInteger(seed)) {
  console.error('usage: node dist/fuzz.js [--count 1000000] [--seed 1]; both are whole numbers, the count positive');
  process.exit(1);
}
const start = performance.now();
const result = await fuzz({ count, seed, onProgress: (done) => console.error(`${done} of ${count} files`) });
console.log(
  JSON.stringify(
    {
      ...result,
      seed,
      seconds: (performance.now() - start) / 1000,
      residentBytes: process.memoryUsage().rss,
      node: process.version,
    },
    null,
    2,
  ),
);
process.exitCode = result.findings.length === 0 ? 0 : 1;
