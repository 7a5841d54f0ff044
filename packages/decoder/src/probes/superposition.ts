import { meanAndDeviation, type MeanAndDeviation } from '@subtext/core';
import type { ReasoningExample } from '@subtext/data';
import type { Reasoner } from '@subtext/reasoner';

import { DecoderError } from '../errors';
import { classifyNodes, type NodeClass, nodeClasses } from './node-classes';
import { nodeEmbeddings, nodeProducts } from './node-products';

/** How strongly one thought encodes the graph's nodes. */
export interface ThoughtSuperposition {
  /** From 1. */
  thought: number;
  /**
   * Dot products of the thought with the nodes' embeddings by class: averaged over a question's nodes of the class,
   * then over questions that have any; null if none has.
   */
  classes: Record<NodeClass, (MeanAndDeviation & { nodes: number }) | null>;
  /**
   * Fraction of nodes in this class, over all questions, whose dot product exceeds that of every unreachable node of
   * their question.
   */
  aboveUnreachable: { optimal: number | null; frontier: number | null };
}

/** The nodes closest to one thought. */
export interface ReadThought {
  thought: number;
  /** Nodes with the highest dot products, highest first. */
  nodes: { node: number; class: NodeClass; product: number }[];
}

/** Superposition of search frontiers in a reasoner's thoughts. */
export interface Superposition {
  questions: number;
  thoughts: ThoughtSuperposition[];
  /**
   * The same over all thoughts: averaged over a question's nodes of a class per thought, then over questions and
   * thoughts.
   */
  overall: ThoughtSuperposition['classes'];
  /** Number of thoughts whose class means are in the order of {@link nodeClasses}. */
  inOrder: number;
  /** The first question's thoughts, as an example. */
  first: ReadThought[];
}

/**
 * Measures which nodes a graph reasoner's thoughts encode: for the k-th thought h, the state fed back in its place,
 * `h · e_v` with the embedding e_v of each node v, by the class of v for that thought. A thought that is a
 * superposition of the search frontier has the highest products with the frontier's nodes.
 *
 * @throws DecoderError unsuitable-reasoner for a reasoner without thoughts or without node tokens, invalid-task-data
 *   for examples without a graph, empty-set.
 */
export async function measureSuperposition({
  reasoner,
  task,
  examples,
  batch = 64,
  onProgress,
  signal,
}: {
  reasoner: Reasoner;
  /** Formats the question of an example. */
  task: { prompt(example: ReasoningExample): string };
  examples: readonly ReasoningExample[];
  /** Batch size. @default 64 */
  batch?: number;
  onProgress?: (progress: { done: number; total: number }) => void;
  signal?: AbortSignal;
}): Promise<Superposition> {
  if (examples.length === 0) throw new DecoderError({ code: 'empty-set', message: 'There are no questions.' });
  checkReasoner({ reasoner, example: examples[0]!, task });
  const graphs = examples.map(({ id, facts }) => {
    if (facts?.kind !== 'graph')
      throw new DecoderError({
        code: 'invalid-task-data',
        message: `Example ${id} has no graph; superposition is measured on graphs, such as those of the task "prosqa-graph".`,
      });
    return facts;
  });
  const most = Math.max(...graphs.map(({ symbols }) => symbols.length));
  const embeddings = await nodeEmbeddings({ reasoner, nodes: most });
  const answers = await reasoner.think({
    questions: examples.map((example) => ({ question: task.prompt(example) })),
    batchSize: batch,
    onProgress,
    signal,
  });
  const products = answers.map(({ thoughts }, index) =>
    thoughts.map(({ hidden }) =>
      nodeProducts({ hidden, embeddings: embeddings.slice(0, graphs[index]!.symbols.length) }),
    ),
  );
  const seen = Array.from({ length: Math.max(...products.map(({ length }) => length)) }, (_, thought) =>
    products.flatMap((own, index) =>
      own[thought] === undefined
        ? []
        : [{ products: own[thought]!, classes: classifyNodes({ facts: graphs[index]!, hop: thought + 1 }) }],
    ),
  );
  const thoughts = seen.map((all, thought) => ({ thought: thought + 1, ...summarise(all) }));
  return {
    questions: examples.length,
    thoughts,
    overall: summarise(seen.flat()).classes,
    inOrder: thoughts.filter(isInOrder).length,
    first: products[0]!.map((own, thought) => {
      const classes = classifyNodes({ facts: graphs[0]!, hop: thought + 1 });
      const nodes = own.map((product, node) => ({ node, class: classes[node]!, product }));
      return { thought: thought + 1, nodes: nodes.sort((a, b) => b.product - a.product).slice(0, 6) };
    }),
  };
}

function summarise(
  questions: readonly { products: readonly number[]; classes: readonly NodeClass[] }[],
): Omit<ThoughtSuperposition, 'thought'> {
  const ofClass = (question: (typeof questions)[number], wanted: NodeClass) =>
    question.products.filter((_, node) => question.classes[node] === wanted);
  const summary = (wanted: NodeClass) => {
    const groups = questions.map((question) => ofClass(question, wanted)).filter(({ length }) => length > 0);
    if (groups.length === 0) return null;
    return {
      ...meanAndDeviation(groups.map((group) => group.reduce((sum, value) => sum + value, 0) / group.length)),
      nodes: groups.flat().length,
    };
  };
  const above = (wanted: NodeClass) => {
    const compared = questions.flatMap((question) => {
      const limit = Math.max(...ofClass(question, 'unreachable'));
      return ofClass(question, wanted).map((product) => product > limit);
    });
    return compared.length === 0 ? null : compared.filter(Boolean).length / compared.length;
  };
  return {
    classes: Object.fromEntries(nodeClasses.map((one) => [one, summary(one)])) as ThoughtSuperposition['classes'],
    aboveUnreachable: { optimal: above('optimal'), frontier: above('frontier') },
  };
}

/** Whether the means decrease from class to class; empty classes are skipped. */
function isInOrder({ classes }: ThoughtSuperposition): boolean {
  const means = nodeClasses.flatMap((one) => classes[one]?.mean ?? []);
  return means.every((mean, index) => index === 0 || mean < means[index - 1]!);
}

function checkReasoner({
  reasoner,
  example,
  task,
}: {
  reasoner: Reasoner;
  example: ReasoningExample;
  task: { prompt(example: ReasoningExample): string };
}): void {
  const mismatch = (message: string) => new DecoderError({ code: 'unsuitable-reasoner', message });
  const { name } = reasoner.method;
  if (!reasoner.tokenizer.has('0') || !reasoner.tokenizer.has('1')) {
    throw mismatch(
      `This reasoner (method "${name}") has no tokens for node numbers; train one on graphs: docs/guide/graphs.md.`,
    );
  }
  const thoughts =
    reasoner.method.promptThoughts?.({
      example: { question: task.prompt(example) },
      context: reasoner.layoutContext(),
    }) ?? [];
  if (thoughts.length === 0)
    throw mismatch(
      `This reasoner (method "${name}") answers without thoughts, so there is nothing to measure; use one trained with continuous thoughts.`,
    );
}
