// A benchmark of one's own: how its data is read, asked and scored. It then has what every task has: intervals, samples a
// line each, resuming, comparisons and audits.
//   node new-task.mjs MODEL DATA OUTPUT
import { findFormat } from '@subtext/data';
import { evaluateModel, findTask, hashFolder, loadQuestions, openModel, registerTask } from '@subtext/eval';
import { useEngine } from '@subtext/tensor';

registerTask({
  name: 'near-enough',
  description: 'sums whose answer may be off by one',
  version: 1,
  modality: 'text',
  dataDescription: 'JSON lines { question, answer }',
  // The first metric is the one that tables show.
  metrics: [
    { name: 'near', higherIsBetter: true },
    { name: 'exact', higherIsBetter: true },
  ],
  load: ({ path, ...options }) => findFormat('jsonl').read({ file: path, ...options }),
  prompt: ({ question }) => question,
  score({ prediction, example }) {
    const number = prediction === null || prediction.trim() === '' ? NaN : Number(prediction);
    const off = Math.abs(number - Number(example.answer));
    return {
      correct: off <= 1,
      parseable: !Number.isNaN(number),
      extracted: Number.isNaN(number) ? null : String(number),
      scores: { near: off <= 1 ? 1 : 0, exact: off === 0 ? 1 : 0 },
    };
  },
});

const [folder, data, output] = process.argv.slice(2);
await useEngine();
const loaded = [await loadQuestions({ task: findTask('near-enough'), path: data })];
const model = await openModel({ folder, loaded });
const { markdown, report } = await evaluateModel({
  model,
  modelName: folder,
  modelHash: await hashFolder(folder),
  folder: output,
});
model.dispose();
console.log(markdown);
console.log(`As a page: ${report}`);
