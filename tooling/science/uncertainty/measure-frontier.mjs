import { generateProsQA } from '../../../packages/data/dist/index.js';
import { askedGraph, frontierWeights } from '../../../packages/eval/dist/index.js';
import { Reasoner } from '../../../packages/reasoner/dist/index.js';
import { useEngine } from '../../../packages/tensor/dist/index.js';

/** Graphs asked; their seed is that of no training set. */
const [count, seed] = [200, 987_654];

/** What the thoughts of a graph reasoner weigh, on graphs that are made for it. */
export async function measureFrontier({ folder }) {
  await useEngine({ engine: 'wasm' });
  const reasoner = await Reasoner.load({ folder });
  try {
    const graphs = [...generateProsQA({ count, seed, hops: { minimum: 3, maximum: 4 } })];
    const examples = graphs.map((example) => askedGraph({ example, facts: example.facts }));
    const answers = await reasoner.think({ questions: examples });
    const right = examples.filter(({ answer }, row) => answers[row].answer === answer).length;
    return { count, accuracy: right / count, thoughts: await frontierWeights({ reasoner, examples, answers }) };
  } finally {
    reasoner.dispose();
  }
}
