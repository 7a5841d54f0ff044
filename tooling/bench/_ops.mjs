import { tf, useEngine } from '@subtext/tensor';
import { Reasoner } from '@subtext/trainer';
import { readCase } from './coconut-case.mjs';
const [engine, folder, batch, tokens] = process.argv.slice(2);
await useEngine(engine);
const { questions } = await readCase(folder);
const r = await Reasoner.load(folder);
const q = questions.slice(0, Number(batch)).map((question) => ({ question }));
const ask = (n) => r.think({ questions: q, batchSize: Number(batch), maxNewTokens: n });
await ask(16); await ask(16);
const counts = {};
const b = tf.backend();
if (engine === 'tensorflow') { for (const m of ['executeSingleOutput', 'executeMultipleOutputs']) { const o = b[m].bind(b); b[m] = (name, ...a) => { counts[name] ??= [0, 0]; const t = performance.now(); const x = o(name, ...a); counts[name][1] += performance.now() - t; counts[name][0]++; return x; }; } }
else { const e = tf.engine(); const o = e.runKernel.bind(e); e.runKernel = (name, ...a) => { counts[name] ??= [0, 0]; const t = performance.now(); const x = o(name, ...a); counts[name][1] += performance.now() - t; counts[name][0]++; return x; }; }
await ask(2); for (const k in counts) delete counts[k];
await ask(6); const six = structuredClone(counts); for (const k in counts) delete counts[k];
await ask(16);
const names = Object.keys(counts).sort((x, y) => counts[y][1] - counts[x][1]);
let n = 0;
for (const k of names) { const per = (counts[k][0] - (six[k]?.[0] ?? 0)) / 10; n += per; console.log(k.padEnd(26), 'per token', per, ' total', counts[k][0], 'ms', counts[k][1].toFixed(2)); }
console.log(n, 'per token');
process.exit(0);
