import { z } from 'zod';

import { ReasonerError } from '../errors';
import { count as wholeNumber } from '../methods/option-schemas';
import {
  IGNORED_LABEL,
  type Layout,
  type LayoutContext,
  type Phase,
  type ReasoningMethod,
  type ThoughtPosition,
} from '../methods/reasoning-method';
import { ANSWER, CANDIDATES, PREFIX, QUESTION, type Role } from '../visibility/roles';
import { type GraphQuestion, parseGraphQuestion, shortestPath } from './graph-question';
import { ANSWER_MARK, GRAPH_PAUSES, graphTokens, GraphVocabulary, pauseToken } from './graph-vocabulary';

export const graphOptions = z.strictObject({
  /** How graphs are written; every method that is compared takes the same. */
  form: z.enum(['edges', 'tokens']).describe("one position an edge, or the reference's three tokens").default('edges'),
  /**
   * What stands between question and answer. `continuous`: the last hidden state, fed back (Coconut). `pause`: as many
   * pause tokens under the same curriculum. `mixture`: the nodes of each hop, mixed in equal shares, which the state before
   * learns to predict (CoT2): known beforehand, so that there is one phase, and all thoughts run in one pass. `text`: a
   * shortest path, node by node (chain of thought). `none`: nothing.
   */
  thoughts: z.enum(['continuous', 'pause', 'mixture', 'text', 'none']).default('continuous'),
  /** How many thoughts or pauses, one a hop. */
  count: wholeNumber.max(GRAPH_PAUSES).describe('thoughts, one a hop').default(4),
});
export type GraphOptions = z.input<typeof graphOptions>;
const defaults = graphOptions.parse({});

/** Whether a graph reasoner thinks between question and answer, in positions of their own. */
export function isThinking({ thoughts }: Pick<Required<GraphOptions>, 'thoughts'>): boolean {
  return thoughts === 'continuous' || thoughts === 'pause' || thoughts === 'mixture';
}

/** Whether its thoughts are learned a hop a phase. */
export function isStaged({ thoughts }: Pick<Required<GraphOptions>, 'thoughts'>): boolean {
  return thoughts === 'continuous' || thoughts === 'pause';
}

/** Name of the stage that the n-th thought stands for, from 0. */
export function hopName(index: number): string {
  return `hop ${index + 1}`;
}

/** The stage that a written path is. */
export const PATH = 'step_1';

/** What the positions of a graph's tokens are: the beginning, then the edges. */
export function graphRoles({ tokens }: { tokens: number }): Role[] {
  return Array.from({ length: tokens }, (_, position) => (position === 0 ? PREFIX : QUESTION));
}

/** What the positions of a query's tokens are, and of the thoughts that follow. */
export function queryRoles({
  vocabulary,
  tokens,
  thoughts,
}: {
  vocabulary: GraphVocabulary;
  /** Of the query. */ tokens: number;
  /** That follow it. */ thoughts: number;
}): Role[] {
  return [
    ...Array.from({ length: tokens }, (_, place) => (place < vocabulary.candidateTokens ? CANDIDATES : QUESTION)),
    ...Array.from({ length: thoughts }, (_, index) => hopName(index)),
  ];
}

/**
 * Questions over graphs, from scratch (Reasoning by Superposition, arXiv 2505.12514): the graph's edges, the two
 * candidates, the root, then thoughts, `[A]` and the target. In stage s, s thoughts are thought and the state after them
 * predicts a node s + 1 hops from the root; in the last, all thoughts come before `[A]`. Questions are the text of
 * {@link parseGraphQuestion}, whatever the form that the model sees.
 */
export function graphMethod({
  form = defaults.form,
  thoughts = defaults.thoughts,
  count = defaults.count,
}: GraphOptions = {}): ReasoningMethod {
  if (!Number.isInteger(count) || count < 1 || count > GRAPH_PAUSES) {
    throw new ReasonerError({
      code: 'invalid-option',
      message: `graph: count is ${count}, not a whole number from 1 to ${GRAPH_PAUSES}.`,
    });
  }
  const vocabulary = new GraphVocabulary({ form });
  const thinks = isThinking({ thoughts });
  const latent = (index: number) => (thoughts === 'pause' ? pauseToken(index) : graphTokens.latent);

  /** The prompt: graph, query and the first `level` thoughts. */
  function prompt({ question, context, level }: { question: GraphQuestion; context: LayoutContext; level: number }): {
    ids: number[];
    roles: Role[];
    thoughts: ThoughtPosition[];
  } {
    // Behind a pack the graph has been told, its beginning too.
    const graph = question.edges.length === 0 ? [] : vocabulary.graphTokens(question);
    const query = vocabulary.queryTokens(question);
    const given = [...graph, ...query];
    const number = thinks ? Math.min(level, count) : 0;
    const placed = Array.from({ length: number }, (_, index) => latent(index));
    return {
      ids: [...given, ...placed].map((token) => context.tokenizer.idOf(token)),
      roles: [
        ...graphRoles({ tokens: graph.length }),
        ...queryRoles({ vocabulary, tokens: query.length, thoughts: number }),
      ],
      thoughts: placed.map((_, index): ThoughtPosition => ({
        stage: hopName(index),
        index: 0,
        position: given.length + index,
        kind: thoughts === 'pause' ? 'token' : 'continuous',
      })),
    };
  }

  return {
    name: 'graph',
    objectives: [{ name: 'weighted-targets' }],
    candidates: true,
    fedAcross: thoughts === 'continuous' || thoughts === 'mixture',
    mixesEmbeddings: thoughts === 'mixture',
    lastStages: () =>
      thinks ? Array.from({ length: count }, (_, index) => hopName(index)) : thoughts === 'text' ? [PATH] : [],
    specialTokens: () => [],

    curriculum() {
      const names = Array.from({ length: count }, (_, index) => hopName(index));
      const hops = isStaged({ thoughts })
        ? names.map((name, index): Phase => ({
            name,
            index,
            kind: 'encode',
            level: index,
            hiddenStages: names.slice(0, index),
          }))
        : [];
      return [
        ...hops,
        {
          name: 'answer',
          index: hops.length,
          kind: thoughts === 'text' ? 'text' : 'encode',
          level: count,
          hiddenStages: thinks ? names : [],
        },
      ];
    },

    layout({ example, phase, context }): Layout {
      const question = parseGraphQuestion(example.question);
      const target = Number(example.answer);
      const path = shortestPath({ ...question, target });
      const answers = phase.name === 'answer';
      const level = phase.level ?? count;
      const { ids, roles, thoughts: positions } = prompt({ question, context, level });
      const chain = thoughts === 'text' ? path.slice(1).map(String) : [];
      const response = answers
        ? [...chain, ANSWER_MARK, String(target), graphTokens.end]
        : path.slice(level + 1, level + 2).map(String);
      const written = response.map((token) => context.tokenizer.idOf(token));
      return {
        ids: [...ids, ...written],
        labels: [...ids.map(() => IGNORED_LABEL), ...written],
        roles: [
          ...roles,
          ...response.map((_, index) => (answers ? (index < chain.length ? PATH : ANSWER) : hopName(level))),
        ],
        promptLength: ids.length,
        thoughts: positions,
      };
    },

    prompt: ({ example, context }) =>
      prompt({ question: parseGraphQuestion(example.question), context, level: count }).ids,
    promptRoles: ({ example, context }) =>
      prompt({ question: parseGraphQuestion(example.question), context, level: count }).roles,
    ...(thinks
      ? {
          promptThoughts: ({ example, context }) =>
            prompt({ question: parseGraphQuestion(example.question), context, level: count }).thoughts,
        }
      : {}),
  } satisfies ReasoningMethod;
}
