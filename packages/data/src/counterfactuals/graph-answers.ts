import { hopsFrom } from '../measures/graph';
import type { GraphFacts, ReasoningExample } from '../reasoning-example';

const stageName = /^hop (\d+)$/;

/** The answers of {@link graphAnswers}. */
export type GraphAnswer = (options: {
  example: ReasoningExample;
  partner: ReasoningExample;
  /** `hop 1` … */
  stage: string;
}) => string | null;

/**
 * For questions over graphs whose thoughts each hold the nodes that so many edges lead to from the root: what an example's
 * answer is if one hop held the nodes that it holds for another example, the hops after it going on from these along the
 * own edges. The answer is the candidate that any hop reached; null where none reached one or some reached both. Undefined for
 * sets of other questions.
 *
 * @param options.examples as many hops are taken as the farthest target of theirs asks for
 */
export function graphAnswers({ examples }: { examples: readonly ReasoningExample[] }): GraphAnswer | undefined {
  const graphs = examples.flatMap(({ facts }) => (facts?.kind === 'graph' ? [facts] : []));
  if (graphs.length === 0) return undefined;
  const hops = graphs.reduce((most, graph) => Math.max(most, hopsFrom(graph).get(graph.target) ?? 0), 0);
  return ({ example, partner, stage }) => {
    const [own, other] = [example.facts, partner.facts];
    const hop = Number(stageName.exec(stage)?.[1] ?? 0);
    if (own?.kind !== 'graph' || other?.kind !== 'graph' || hop < 1 || hop > hops) return null;
    const reached = new Set<number>();
    let nodes: ReadonlySet<number> = new Set([own.root]);
    for (let step = 1; step <= hops; step++) {
      nodes = step === hop ? reachedBy({ graph: other, edges: step }) : stepFrom({ graph: own, nodes });
      for (const node of nodes) reached.add(node);
    }
    const [target, negative] = [reached.has(own.target), reached.has(own.negativeTarget)];
    return target === negative ? null : String(target ? own.target : own.negativeTarget);
  };
}

/** The nodes that walks of so many edges lead to from the root. */
function reachedBy({ graph, edges }: { graph: GraphFacts; edges: number }): ReadonlySet<number> {
  let nodes: ReadonlySet<number> = new Set([graph.root]);
  for (let step = 0; step < edges; step++) nodes = stepFrom({ graph, nodes });
  return nodes;
}

function stepFrom({ graph, nodes }: { graph: GraphFacts; nodes: ReadonlySet<number> }): ReadonlySet<number> {
  return new Set(graph.edges.flatMap(([source, target]) => (nodes.has(source) ? [target] : [])));
}
