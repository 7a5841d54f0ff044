// Compares what compilePattern of @subtext/core finds with what tokenizers found (random_patterns.py):
//   node tooling/parity/compare_patterns.mjs patterns.jsonl
// or prints the expressions of published tokenizers, a JSON text a line:
//   node tooling/parity/compare_patterns.mjs --published
// After `npx turbo run build --filter=@subtext/core`.
import { readFileSync } from 'node:fs';
import process from 'node:process';
import ts from 'typescript';
import { compilePattern } from '../../packages/core/dist/index.js';

const path = process.argv[2];
if (path === undefined) throw new Error('Give the file of random_patterns.py, or --published.');
if (path === '--published') {
  // No export of the package: its source is read.
  const source = readFileSync(
    new URL('../../packages/core/src/pattern/published-patterns.ts', import.meta.url),
    'utf8',
  );
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
  });
  const { publishedPatterns } = await import(`data:text/javascript,${encodeURIComponent(outputText)}`);
  for (const expression of publishedPatterns) console.log(JSON.stringify(expression));
} else {
  const counts = { expressions: 0, texts: 0, refusedByBoth: 0, refusedByName: 0, moreAccepted: 0, differ: 0 };
  for (const line of readFileSync(path, 'utf8').trim().split('\n')) {
    const [source, answers] = JSON.parse(line);
    counts.expressions += 1;
    let pattern;
    try {
      pattern = compilePattern({ source, dialect: 'oniguruma' });
    } catch (error) {
      if (answers === null) counts.refusedByBoth += 1;
      else if (error.code === 'unsupported-pattern') counts.refusedByName += 1;
      else {
        counts.differ += 1;
        console.log(`${JSON.stringify(source)}: refused here alone: ${error.message}`);
      }
      continue;
    }
    if (answers === null) {
      counts.moreAccepted += 1;
      console.log(`${JSON.stringify(source)}: accepted here alone`);
      continue;
    }
    for (const [text, expected] of answers) {
      counts.texts += 1;
      const spans = pattern.spans(text);
      let replaced = '';
      let from = 0;
      for (let index = 0; index < spans.length; index += 2) {
        replaced += `${text.slice(from, spans[index])}\u0001`;
        from = spans[index + 1];
      }
      replaced += text.slice(from);
      if (replaced === expected) continue;
      counts.differ += 1;
      console.log(JSON.stringify({ source, text, here: replaced, tokenizers: expected }));
      break;
    }
  }
  console.log(counts);
  process.exitCode = counts.differ > 0 || counts.moreAccepted > 0 ? 1 : 0;
}
