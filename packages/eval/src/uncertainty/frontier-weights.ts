import { meanAndDeviation } from '@subtext/core';
import { softmax } from '@subtext/decoder';
import type { GraphFacts, ReasoningExample } from '@subtext/data';
import type { Answer, Reasoner } from '@subtext/reasoner';
import { tf } from '@subtext/tensor';

import { EvaluationError } from '../errors';
import { type DistributionScores, type Measured, scoreDistributions } from './score-distributions';

/** What the k-th thought weighs, against the nodes that k edges lead to. */
export interface FrontierWeights extends DistributionScores {
  /** From 1. */
  thought: number;
  /** Share of the weights that is on nodes that k edges lead to. */
  mass: Measured;
  /** Share of the nodes that they are: what weights that know nothing would put there. */
  share: Measured;
  /** Questions of which some node is that far. */
  count: number;
}

/** Nodes that exactly so many edges lead to from the root, whatever was visited before. */
export function walkFrontier({ edges, root }: Pick<GraphFacts, 'edges' | 'root'>, hops: number): number[] {
  let nodes = new Set([root]);
  for (let hop = 0; hop < hops; hop++) nodes = new Set(edges.flatMap(([from, to]) => (nodes.has(from) ? [to] : [])));
  return [...nodes];
}

/**
 * The weights that a graph reasoner's thoughts give to nodes: the probability that the model gives to each node of the graph as
 * the next word at the state read as the k-th thought, of all nodes' sum. The truth beside it: every node that k edges lead to
 * from the root with the same weight, which is what training with `supervision: walks` asks for.
 *
 * @throws EvaluationError `invalid-task-data` for examples without a graph; `invalid-option` for a reasoner without thoughts, or
 *   without a token for a node
 */
export async function frontierWeights({
  reasoner,
  examples,
  answers,
}: {
  reasoner: Reasoner;
  examples: readonly ReasoningExample[];
  /** What the reasoner answered to them. */
  answers: readonly Answer[];
}): Promise<FrontierWeights[]> {
  const graphs = examples.map(({ id, facts }) => {
    if (facts?.kind === 'graph') return facts;
    throw new EvaluationError({ code: 'invalid-task-data', message: `Example ${id} has no graph.` });
  });
  const thoughts = Math.max(0, ...answers.map((answer) => answer.thoughts.length));
  if (thoughts === 0)
    throw new EvaluationError({
      code: 'invalid-option',
      message: 'The reasoner answers without thoughts, so that there are no weights to read. Take one that thinks.',
    });
  const most = Math.max(...graphs.map(({ symbols }) => symbols.length));
  const ids = Array.from({ length: most }, (_, node) => nodeId({ reasoner, node }));
  const found: FrontierWeights[] = [];
  for (let thought = 1; thought <= thoughts; thought++) {
    const rows = answers.flatMap((answer, row) => {
      const frontier = walkFrontier(graphs[row]!, thought);
      const own = answer.thoughts[thought - 1];
      return own === undefined || frontier.length === 0 ? [] : [{ hidden: own.hidden, frontier, graph: graphs[row]! }];
    });
    if (rows.length === 0) continue;
    const logits = tf.tidy(() =>
      reasoner.model.logits(tf.stack(rows.map(({ hidden }) => tf.tensor1d(hidden))) as tf.Tensor2D),
    );
    const scores = (await logits.array().finally(() => logits.dispose())) as number[][];
    const nodes = rows.map(({ graph }) => [...graph.symbols.keys()]);
    const read = rows.map((_, row) => softmax(nodes[row]!.map((node) => scores[row]![ids[node]!]!)));
    const truths = rows.map(({ frontier }, row) =>
      nodes[row]!.map((node) => (frontier.includes(node) ? 1 / frontier.length : 0)),
    );
    found.push({
      thought,
      ...scoreDistributions({ truths, read }),
      mass: mean(rows.map(({ frontier }, row) => frontier.reduce((sum, node) => sum + read[row]![node]!, 0))),
      share: mean(rows.map(({ frontier }, row) => frontier.length / nodes[row]!.length)),
    });
  }
  return found;
}

function mean(values: readonly number[]): Measured {
  const { mean: value, standardError } = meanAndDeviation(values);
  return { value, standardError };
}

function nodeId({ reasoner, node }: { reasoner: Reasoner; node: number }): number {
  if (reasoner.tokenizer.has(String(node))) return reasoner.tokenizer.idOf(String(node));
  throw new EvaluationError({
    code: 'invalid-option',
    message: `The reasoner has no token for node ${node}; take one that was trained on graphs.`,
  });
}
