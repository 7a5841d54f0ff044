import { rm } from 'node:fs/promises';

import { generateProsQA } from '../../../packages/data/dist/index.js';
import {
  CounterStream,
  documentPack,
  drawNodeNumbers,
  drawQueries,
  formatGraphQuestion,
  graphExample,
  packedReasoner,
  Reasoner,
} from '../../../packages/reasoner/dist/index.js';
import { studyAnswers, trainPack } from '../../../packages/trainer/dist/index.js';

/** Questions about a graph that packs are measured with; none of them is studied. */
const heldOut = 64;
/** Positions of a graph for one of its pack. */
const ratio = 8;
/** The farthest that a question leads. */
const deepest = 4;

/** Asks behind packs; the answers. */
async function askBehind({ reasoner, packs, questions }) {
  const packed = await packedReasoner({ reasoner, packs });
  const answers = await ask(packed, questions);
  packed.model.disposePacks();
  return answers;
}
const ask = async (reasoner, questions) =>
  (await reasoner.think({ questions: questions.map((question) => ({ question })) })).map(({ answer }) => answer);

const zeros = (pack) => ({
  ...pack,
  tensors: pack.tensors.map((tensor) => ({ ...tensor, values: new Float32Array(tensor.values.length) })),
});

/** A graph of edges with numbers for its nodes: what is told of it, and different questions in a random order. */
function drawGraph({ graph, numbers, random }) {
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

const textOf = ({ edges = [], root, answer, other }) =>
  formatGraphQuestion({ edges, candidates: [Math.min(answer, other), Math.max(answer, other)], root });
const share = (answers, right) => answers.filter((answer, at) => answer === String(right[at])).length;

/** Questions whose answers two graphs turn around: the root leads to one candidate here, to the other there. None was studied. */
function turnedQuestions({ leads, twin, studied, random }) {
  const known = new Set(studied.map(({ root, answer, other }) => `${root} ${answer} ${other}`));
  const all = [...leads].flatMap(([root, here]) => {
    const there = twin.get(root);
    const only = (one, other) =>
      [...one].flatMap(([node, hops]) => (hops <= deepest && !other.has(node) ? [node] : []));
    return only(here, there).flatMap((answer) => only(there, here).map((other) => ({ root, answer, other })));
  });
  return random
    .shuffle(all.filter(({ root, answer, other }) => !known.has(`${root} ${answer} ${other}`)))
    .slice(0, heldOut);
}

/**
 * A pack of a graph, and one of its twin: the same edges between other nodes of the same names. The model is one that was
 * trained on other graphs; its four continuous thoughts search the graph.
 */
export async function measureGraphs({ folder, seed, steps, studied, run }) {
  const reasoner = await Reasoner.load({ folder });
  const { model } = reasoner;
  const [example] = generateProsQA({ count: 1, seed: 700 + seed });
  const graph = graphExample(example);
  const random = new CounterStream(seed, 77);
  const numbers = drawNodeNumbers({ nodes: graph.nodes, random });
  const two = [numbers, random.shuffle(numbers)].map((own) => drawGraph({ graph, numbers: own, random }));
  const packs = [];
  for (const [twin, { edges, questions }] of two.entries()) {
    const [whole, alone] = reasoner.prompts([
      { question: textOf({ edges, ...questions[0] }) },
      { question: textOf(questions[0]) },
    ]);
    const document = whole.slice(0, whole.length - alone.length);
    const positions = Math.floor(document.length / ratio);
    const asked = questions.slice(heldOut, heldOut + studied).map((query) => textOf(query));
    await rm(run, { recursive: true, force: true });
    const { pack, outcome } = await trainPack({
      folder: run,
      model: { kind: 'folder', folder },
      document,
      texts: await studyAnswers({ reasoner, document, questions: asked }),
      positions,
      steps,
      seed: 10 * seed + twin,
      onProgress: ({ step, loss, metrics }) =>
        step % 20 === 0 &&
        console.log(`seed ${seed}.${twin}: step ${step}, KL ${loss.toFixed(3)}, ${metrics.agreement.toFixed(2)}`),
    });
    packs.push({ pack, document, positions, seconds: outcome.seconds });
  }
  const rows = [];
  for (const [twin, { edges, leads, questions }] of two.entries()) {
    const { pack, document, positions, seconds } = packs[twin];
    const held = questions.slice(0, heldOut);
    const right = held.map(({ answer }) => answer);
    const bare = held.map((query) => textOf(query));
    const behind = async (given) => share(await askBehind({ reasoner, packs: [given], questions: bare }), right);
    const turned = turnedQuestions({
      leads,
      twin: two[1 - twin].leads,
      studied: questions.slice(heldOut, heldOut + studied),
      random,
    });
    const swapped = await askBehind({
      reasoner,
      packs: [packs[1 - twin].pack],
      questions: turned.map((query) => textOf(query)),
    });
    const own = await askBehind({ reasoner, packs: [pack], questions: turned.map((query) => textOf(query)) });
    rows.push({
      seed,
      twin,
      studied: Math.min(studied, questions.length - heldOut),
      span: document.length,
      positions,
      seconds,
      held: held.length,
      right: {
        document: share(
          await ask(
            reasoner,
            held.map((query) => textOf({ edges, ...query })),
          ),
          right,
        ),
        pack: await behind(pack),
        untrained: await behind(await documentPack({ model, ids: document, positions })),
        zeros: await behind(zeros(pack)),
        nothing: share(await ask(reasoner, bare), right),
      },
      swap: {
        asked: turned.length,
        own: share(
          own,
          turned.map(({ answer }) => answer),
        ),
        follows: share(
          swapped,
          turned.map(({ other }) => other),
        ),
        stays: share(
          swapped,
          turned.map(({ answer }) => answer),
        ),
      },
    });
    console.log(JSON.stringify(rows.at(-1)));
  }
  reasoner.dispose();
  return rows;
}
