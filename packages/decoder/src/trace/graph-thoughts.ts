import { hopsFrom, shortestPathNodes } from '@subtext/data';
import { parseGraphQuestion } from '@subtext/reasoner';

import { DecoderError } from '../errors';
import { classifyNodes, type NodeClass } from '../probes/node-classes';
import { nodeEmbeddings, nodeProducts } from '../probes/node-products';
import type { AnsweredQuestion } from './needed-thoughts';

/** A node of a graph that is thought about. */
export interface GraphNode {
  node: number;
  /** Hops from the root; null where it does not lead there. */
  hops: number | null;
  /** What the question makes of it. */
  role: 'root' | 'candidate' | null;
}

/** What one thought holds of a node. */
export interface NodeInThought {
  node: number;
  /** What the node is to this thought. */
  class: NodeClass;
  /** Dot product with the node's embedding. */
  product: number;
  /** The softmax of the products over the graph's nodes: what the thought would say if it had to name one of them. */
  share: number;
}

/** A graph and what the thoughts about it hold of its nodes. */
export interface GraphThoughts {
  edges: [number, number][];
  /** Every node of an edge, and the root and the candidates. */
  nodes: GraphNode[];
  /** The candidate that the root leads to; null where it leads to both or to none. */
  target: number | null;
  /** By thought: nodes, those that it holds most first. */
  thoughts: { stage: string; index: number; nodes: NodeInThought[] }[];
}

/**
 * Reads which nodes of its graph each thought holds: the k-th is compared with the nodes' embeddings, and each node is told
 * by what it is to that thought, as `measureSuperposition` does over many questions.
 *
 * @throws ReasonerError `invalid-option` where the question is none over a graph; DecoderError `unsuitable-reasoner` where
 *   the reasoner has no tokens for nodes
 */
export async function graphThoughts({ reasoner, question, answer }: AnsweredQuestion): Promise<GraphThoughts> {
  if (!reasoner.tokenizer.has('0'))
    throw new DecoderError({
      code: 'unsuitable-reasoner',
      message: `This reasoner (method "${reasoner.method.name}") has no tokens for node numbers; train one on graphs: docs/guide/graphs.md.`,
    });
  const { edges, root, candidates } = parseGraphQuestion(question.question);
  const hops = hopsFrom({ edges, root });
  const led = candidates.filter((candidate) => hops.has(candidate));
  const target = led.length === 1 ? led[0]! : null;
  const known = [...new Set([...edges.flat(), root, ...candidates])].sort((one, other) => one - other);
  const embeddings = await nodeEmbeddings({ reasoner, nodes: Math.max(...known) + 1 });
  const facts = {
    kind: 'graph' as const,
    edges,
    root,
    target: target ?? -1,
    negativeTarget: -1,
    symbols: embeddings.map((_, node) => String(node)),
    neighborsByHop: target === null ? [] : shortestPathNodes({ edges, root, target }),
  };
  return {
    edges,
    nodes: known.map((node) => ({
      node,
      hops: hops.get(node) ?? null,
      role: node === root ? 'root' : candidates.includes(node) ? 'candidate' : null,
    })),
    target,
    thoughts: answer.thoughts.map(({ stage, index, hidden }, thought) => {
      const classes = classifyNodes({ facts, hop: thought + 1 });
      const products = nodeProducts({ hidden, embeddings: known.map((node) => embeddings[node]!) });
      const shares = softmax(products);
      const nodes = known.map((node, place) => ({
        node,
        class: classes[node]!,
        product: products[place]!,
        share: shares[place]!,
      }));
      return { stage, index, nodes: nodes.sort((one, other) => other.product - one.product) };
    }),
  };
}

function softmax(values: readonly number[]): number[] {
  const largest = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
