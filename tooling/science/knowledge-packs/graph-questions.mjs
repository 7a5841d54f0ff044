import { rm } from 'node:fs/promises';

import { drawQueries, formatGraphQuestion, packedReasoner } from '../../../packages/reasoner/dist/index.js';
import { studyAnswers, trainPack } from '../../../packages/trainer/dist/index.js';

/** The farthest that a question leads. */
export const deepest = 4;

/** Asks behind packs; the answers. */
export async function askBehind({ reasoner, packs, questions }) {
  const packed = await packedReasoner({ reasoner, packs });
  const answers = await ask(packed, questions);
  packed.model.disposePacks();
  return answers;
}
export const ask = async (reasoner, questions) =>
  (await reasoner.think({ questions: questions.map((question) => ({ question })) })).map(({ answer }) => answer);

/** A graph of edges with numbers for its nodes: what is told of it, and different questions in a random order. */
export function drawGraph({ graph, numbers, random }) {
  const edges = random.shuffle(graph.edges).map(([from, to]) => [numbers[from], numbers[to]]);
  /** By node, what it leads to, with the distance. */
  const leads = new Map(
    numbers.map((number, node) => {
      const hops = numbers.map((_, to) => graph.hops[node * graph.nodes + to]);
      return [number, new Map(numbers.flatMap((other, to) => (hops[to] > 0 ? [[other, hops[to]]] : [])))];
    }),
  );
  const queries = drawQueries({ graph, count: 1500, deepest, random }).map(({ root, target, negativeTarget }) => ({
    root: numbers[root],
    answer: numbers[target],
    other: numbers[negativeTarget],
  }));
  const asked = new Map(queries.map((query) => [`${query.root} ${query.answer} ${query.other}`, query]));
  return { edges, leads, questions: random.shuffle([...asked.values()]) };
}

/** A question about a graph as text; without edges the question alone. */
export const textOf = ({ edges = [], root, answer, other }) =>
  formatGraphQuestion({ edges, candidates: [Math.min(answer, other), Math.max(answer, other)], root });
/** How many answers are right. */
export const share = (answers, right) => answers.filter((answer, at) => answer === String(right[at])).length;

/** What a reasoner reads of a graph before its questions. */
export function documentOf({ reasoner, edges, question }) {
  const [whole, alone] = reasoner.prompts([
    { question: textOf({ edges, ...question }) },
    { question: textOf(question) },
  ]);
  return whole.slice(0, whole.length - alone.length);
}

/** A pack of a document, learned by self-study on questions about it. */
export async function studyPack({ reasoner, folder, run, document, questions, positions, steps, seed, name }) {
  await rm(run, { recursive: true, force: true });
  return await trainPack({
    folder: run,
    model: { kind: 'folder', folder },
    document,
    texts: await studyAnswers({ reasoner, document, questions: questions.map((query) => textOf(query)) }),
    positions,
    steps,
    seed,
    onProgress: ({ step, loss, metrics }) =>
      step % 20 === 0 && console.log(`${name}: step ${step}, KL ${loss.toFixed(3)}, ${metrics.agreement.toFixed(2)}`),
  });
}
