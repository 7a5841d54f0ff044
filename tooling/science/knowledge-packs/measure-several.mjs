import { generateProsQA } from '../../../packages/data/dist/index.js';
import { CounterStream, drawNodeNumbers, graphExample, Reasoner } from '../../../packages/reasoner/dist/index.js';
import { ask, askBehind, documentOf, drawGraph, share, studyPack, textOf } from './graph-questions.mjs';

/** Questions about each graph that packs are measured with; none of them is studied. */
const heldOut = 64;
/** Positions of a graph for one of its pack. */
const ratio = 8;
/** Nodes that a graph is drawn with: two of them share the 31 numbers that the model knows. */
const nodes = 16;

/**
 * Two packs at once: of two small graphs whose nodes have no number in common, each learned by itself. Questions about one are
 * asked behind both, either by itself, and both documents.
 */
export async function measureSeveral({ folder, seed, steps, studied, run }) {
  const reasoner = await Reasoner.load({ folder });
  const random = new CounterStream(seed, 78);
  const examples = [...generateProsQA({ count: 2, seed: 800 + seed, nodes })];
  const drawn = examples.map((example) => graphExample(example));
  const free = drawNodeNumbers({ nodes: drawn[0].nodes + drawn[1].nodes, random });
  const graphs = drawn.map((graph, index) =>
    drawGraph({
      graph,
      numbers: index === 0 ? free.slice(0, graph.nodes) : free.slice(drawn[0].nodes),
      random,
    }),
  );
  const packs = [];
  for (const [index, { edges, questions }] of graphs.entries()) {
    const document = documentOf({ reasoner, edges, question: questions[0] });
    const { pack } = await studyPack({
      ...{ reasoner, folder, run, document, steps },
      positions: Math.max(1, Math.floor(document.length / ratio)),
      questions: questions.slice(heldOut, heldOut + studied),
      seed: 10 * seed + index,
      name: `seed ${seed}, graph ${index + 1} of two`,
    });
    packs.push(pack);
  }
  const both = graphs.flatMap(({ edges }) => edges);
  const rows = [];
  for (const [index, { edges, questions }] of graphs.entries()) {
    const held = questions.slice(0, heldOut);
    const right = held.map(({ answer }) => answer);
    const bare = held.map((query) => textOf(query));
    const behind = async (given) => share(await askBehind({ reasoner, packs: given, questions: bare }), right);
    const after = async (told) =>
      share(
        await ask(
          reasoner,
          held.map((query) => textOf({ edges: told, ...query })),
        ),
        right,
      );
    rows.push({
      ...{ seed, graph: index + 1, held: held.length },
      studied: Math.min(studied, questions.length - heldOut),
      spans: packs.map(({ span }) => span),
      positions: packs.map(({ places }) => places.length),
      right: {
        ownDocument: await after(edges),
        bothDocuments: await after(both),
        ownPack: await behind([packs[index]]),
        bothPacks: await behind(packs),
        otherOrder: await behind([...packs].reverse()),
        otherPack: await behind([packs[1 - index]]),
      },
    });
    console.log(JSON.stringify(rows.at(-1)));
  }
  reasoner.dispose();
  return rows;
}
