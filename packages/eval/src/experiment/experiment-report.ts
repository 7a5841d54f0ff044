import { superpositionSections } from '../probes/superposition-sections';
import { chartSection } from '../report/chart-section';
import { renderReport } from '../report/render-report';
import { tableSection } from '../report/table-section';
import { type ExperimentFindings, experimentTables } from './experiment-tables';

/** An experiment as a page: its tables, accuracy against tokens, how its first seeds learned, and what thoughts hold. */
export function experimentReport({
  title,
  text,
  footer,
  findings,
}: {
  title: string;
  /** What was done, for the top of the page. */
  text: string[];
  footer: string;
  findings: ExperimentFindings;
}): string {
  const { summary, runs = [], nodes = [] } = findings;
  const first = summary.cells.flatMap(({ cell }) => {
    const run = runs.find((one) => one.cell === cell && (one.curve?.points.length ?? 0) > 0);
    return run?.curve === undefined ? [] : [{ name: run.name, ...run.curve }];
  });
  return renderReport({
    title,
    summary: text,
    sections: [
      ...experimentTables(findings).map((table) => tableSection(table)),
      chartSection({
        title: 'Score against generated tokens',
        caption: 'A point for each kind of run, the mean over its seeds.',
        xLabel: 'generated tokens a question',
        yLabel: summary.metric,
        yFormat: 'percent',
        yInclude: [0, 1],
        series: summary.cells.map(({ cell, generatedTokens, mean }) => ({
          name: cell,
          points: [{ x: generatedTokens, y: mean }],
        })),
      }),
      ...(first.length === 0
        ? []
        : [
            chartSection({
              title: 'Loss while training',
              caption: `The first seed of each, each phase on its own batches; the phases are those of ${first[0]!.name}.`,
              xLabel: 'step',
              yLabel: 'loss',
              smoothingWindow: 3,
              series: first.map(({ name, points }) => ({ name, points })),
              phases: first[0]!.phases,
            }),
          ]),
      ...nodes.flatMap(({ superposition }) => superpositionSections({ superposition })),
    ],
    footer,
  });
}
