import {
  DataError,
  ExampleStream,
  RandomStream,
  readProsQA,
  type GraphFacts,
  type ReasoningExample,
} from '@subtext/data';
import { exactMatch, exactMatchScore, type EvaluationTask } from './evaluation-task';
import { finalAnswer } from '../answers/final-answer';

/**
 * ProsQA as a bare graph: the input is `s t | s t | … [Q] a b [R] root` over node numbers, the answer the
 * target's number (Reasoning by Superposition, arXiv 2505.12514). Edges and the two candidates stand in an
 * order drawn from the example's id, the same at each evaluation.
 */
export const prosqaGraph: EvaluationTask = {
  name: 'prosqa-graph',
  description:
    'ProsQA as graphs of node numbers: which of two nodes the root reaches; exact match of the node (arXiv 2505.12514)',
  version: 2,
  modality: 'text',
  dataDescription: 'prosqa_test_graph_….json, as Reasoning by Superposition gives it',
  metrics: exactMatch,
  load: ({ path, ...options }) =>
    new ExampleStream({
      ...options,
      file: path,
      async *open(log) {
        const { strict, onFault: _, limit: __ } = options;
        const inner = readProsQA({
          file: path,
          ...(strict === undefined ? {} : { strict }),
          onFault: (fault) => log.add(fault),
        });
        for await (const example of inner) {
          log.report.records = inner.faults.records;
          if (example.facts?.kind !== 'graph')
            throw new DataError({
              code: 'record-malformed',
              file: path,
              message: `record ${example.id} has no graph.`,
            });
          yield askedGraph({ example, facts: example.facts });
        }
        log.report.records = inner.faults.records;
      },
    }),
  prompt: ({ question }) => question,
  score: ({ prediction, example }) => {
    const answer = finalAnswer(prediction);
    const extracted = answer === null ? null : (/^\[?A?\]?\s*(\d+)$/.exec(answer)?.[1] ?? null);
    return exactMatchScore({ extracted, correct: extracted === example.answer });
  },
};

/** A graph's question over node numbers: edges and candidates in an order drawn from the example's id. */
export function askedGraph({ example, facts }: { example: ReasoningExample; facts: GraphFacts }): ReasoningExample {
  const random = new RandomStream({ seed: 0, name: `prosqa-graph ${example.id}` });
  const edges = random.shuffle(facts.edges).map(([source, target]) => `${source} ${target}`);
  const candidates = random.shuffle([facts.target, facts.negativeTarget]);
  return {
    ...example,
    question: `${edges.join(' | ')} [Q] ${candidates.join(' ')} [R] ${facts.root}`,
    steps: facts.neighborsByHop.slice(1).map((nodes) => ({ text: nodes.join(' ') })),
    answer: String(facts.target),
  };
}
