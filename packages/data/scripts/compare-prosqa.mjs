// Compares generated ProsQA questions with the official file's: node scripts/compare-prosqa.mjs OFFICIAL.json [COUNT] [SEED]
// Needs the package built.
import { argv, exit } from 'node:process';
import { compareGraphs, generateProsQA, readProsQA } from '../dist/index.js';

const [, , file, count = '3000', seed = '42'] = argv;
if (!file) {
  console.error('usage: node scripts/compare-prosqa.mjs OFFICIAL.json [COUNT] [SEED]');
  exit(1);
}
const { examples, rows, vocabulary } = await compareGraphs({
  left: generateProsQA({ count: Number(count), seed: Number(seed) }),
  right: readProsQA({ file, strict: true }),
});
const cell = ({ mean, standardDeviation }) => `${mean.toFixed(3)} ± ${standardDeviation.toFixed(3)}`;
console.log(
  `| measure (mean ± sd) | generated, ${examples.left} | official, ${examples.right} | difference in standard errors |`,
);
console.log('|---|---|---|---|');
for (const row of rows)
  console.log(`| ${row.measure} | ${cell(row.left)} | ${cell(row.right)} | ${row.standardErrors.toFixed(1)} |`);
console.log(
  `\nNames in both: ${vocabulary.both}; only generated: ${vocabulary.onlyLeft.join(', ') || 'none'}; only official: ${vocabulary.onlyRight.join(', ') || 'none'}.`,
);
