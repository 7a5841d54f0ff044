import { generateProsQA } from '../../../packages/data/dist/index.js';
import {
  CounterStream,
  documentPack,
  drawNodeNumbers,
  graphExample,
  Reasoner,
} from '../../../packages/reasoner/dist/index.js';
import { ask, askBehind, deepest, documentOf, drawGraph, share, studyPack, textOf } from './graph-questions.mjs';

/** Questions about a graph that packs are measured with; none of them is studied. */
const heldOut = 64;
/** Positions of a graph for one of its pack. */
const ratio = 8;
const zeros = (pack) => ({
  ...pack,
  tensors: pack.tensors.map((tensor) => ({ ...tensor, values: new Float32Array(tensor.values.length) })),
});

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
    const document = documentOf({ reasoner, edges, question: questions[0] });
    const positions = Math.floor(document.length / ratio);
    const { pack, outcome } = await studyPack({
      ...{ reasoner, folder, run, document, positions, steps },
      questions: questions.slice(heldOut, heldOut + studied),
      seed: 10 * seed + twin,
      name: `seed ${seed}.${twin}`,
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
