import { nodeClasses, type Superposition } from '@subtext/decoder';

import { chartSection } from '../report/chart-section';
import { proseSection } from '../report/prose-section';
import type { ReportSection } from '../report/report-section';
import { tableSection } from '../report/table-section';

/** What the thoughts hold of the nodes, as a picture, a table and one question's thoughts, for a report. */
export function superpositionSections({ superposition }: { superposition: Superposition }): ReportSection[] {
  const { thoughts, overall, questions, first } = superposition;
  const cells = (classes: Superposition['overall']) =>
    nodeClasses.map((name) =>
      classes[name]
        ? {
            value: `${classes[name].mean.toFixed(2)} ± ${classes[name].standardError.toFixed(2)}`,
            note: `${classes[name].nodes} nodes`,
          }
        : null,
    );
  const series = nodeClasses.map((name) => ({
    name,
    points: thoughts.flatMap(({ thought, classes }) => {
      const found = classes[name];
      return found
        ? [
            {
              x: thought,
              y: found.mean,
              interval: [found.mean - found.standardError, found.mean + found.standardError] as const,
            },
          ]
        : [];
    }),
  }));
  return [
    chartSection({
      title: 'Thoughts and nodes',
      text: 'The dot product of each thought, the state fed back in its place, with the embeddings of the nodes, by what a node is to that thought. A thought that holds a search frontier in superposition is nearest to the nodes that are as many hops from the root as it has come.',
      caption: `Mean dot product by class, with its standard error as a band, over ${questions} questions.`,
      series,
      xLabel: 'thought',
      yLabel: 'dot product',
    }),
    tableSection({
      title: 'Dot products by class',
      caption: 'Mean ± standard error over questions, and how many nodes there are of each class.',
      columns: [
        'thought',
        ...nodeClasses.map((name) => ({ header: name, align: 'right' as const })),
        { header: 'optimal above every unreachable node', format: 'percent' as const },
        { header: 'frontier above every unreachable node', format: 'percent' as const },
      ],
      rows: [
        ...thoughts.map(({ thought, classes, aboveUnreachable }) => [
          String(thought),
          ...cells(classes),
          aboveUnreachable.optimal,
          aboveUnreachable.frontier,
        ]),
        ['all', ...cells(overall), null, null],
      ],
    }),
    tableSection({
      title: 'The thoughts of one question',
      caption:
        'The six nodes with the highest dot products with each thought of the first question, and what they are to it.',
      columns: ['thought', 'nodes'],
      rows: first.map(({ thought, nodes }) => [
        String(thought),
        nodes.map(({ node, class: kind, product }) => `${node} (${kind}, ${product.toFixed(1)})`).join(', '),
      ]),
    }),
    proseSection({
      title: 'The classes',
      list: [
        "optimal: as many hops from the root as the thought's number, on a shortest path to the target",
        'frontier: the other nodes that many hops away',
        'reachable: fewer hops away, the root included',
        'unreachable: not reached within that many hops',
      ],
    }),
  ];
}
