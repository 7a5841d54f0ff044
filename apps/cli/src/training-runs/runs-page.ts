import { chartSection, proseSection, renderReport, tableSection, type ReportSection } from '@subtext/eval';
import { differingKeys, type TrainingRun } from '@subtext/trainer/runs';

import { runTable } from './run-table';

/** How measures are told in words. */
const captions: Record<string, string> = {
  loss: "Loss of training, in nats a predicted token; of a run with interpreters the reasoner's alone.",
  jointLoss: "The reasoner's loss and the interpreters' together: what such a run minimises.",
  interpreterLoss: 'Loss of the interpreters, in nats a predicted token.',
  validationLoss: 'Loss on held-out examples, in nats a predicted token.',
  gradientNorm: 'Global norm of the gradient before it is clipped.',
  learningRate: 'Learning rate.',
};

/** Measures that are set, not measured: they are drawn as they are. */
const unsmoothed = new Set(['learningRate', 'best', 'skipped']);

/** Points that a line is smoothed over: about a fiftieth of it. */
const smoothing = ({ measure, points }: { measure: string; points: number }) =>
  unsmoothed.has(measure) ? 1 : Math.max(1, Math.floor(points / 50));

/** Runs as one page that stands alone: a table, their curves, and what their configurations do not share. */
export function runsPage({
  runs,
  measures,
}: {
  runs: readonly TrainingRun[];
  /** A chart each, where a run has them. */ measures: readonly string[];
}): string {
  const { header, rows } = runTable({ runs });
  const single = runs.length === 1 ? runs[0]! : undefined;
  const charts = measures.flatMap((measure): ReportSection[] => {
    const series = runs
      .map((run) => ({ name: run.folder, points: run.curves.curve(measure) }))
      .filter(({ points }) => points.length > 0);
    if (series.length === 0) return [];
    return [
      chartSection({
        title: measure,
        caption: captions[measure] ?? `${measure}, as the log has it.`,
        xLabel: 'step',
        yLabel: measure,
        series,
        smoothingWindow: smoothing({ measure, points: Math.max(...series.map(({ points }) => points.length)) }),
        ...(single ? { phases: single.curves.phases } : {}),
      }),
    ];
  });
  const differing = runs.length > 1 ? differingKeys(runs) : [];
  const problems = runs.flatMap((run) => run.problems.map((problem) => `${run.folder}: ${problem}`));
  return renderReport({
    title: single ? `Run ${single.folder}` : `${runs.length} runs`,
    summary: runs.map(({ folder, state }) => `${folder}: ${state}`).join('; '),
    sections: [
      tableSection({
        title: 'Runs',
        caption: 'As their folders tell; the last loss that was logged.',
        columns: header,
        rows,
      }),
      ...charts,
      ...(differing.length > 0
        ? [
            tableSection({
              title: 'What differs',
              caption: 'Keys of the configurations that are not the same in all runs.',
              columns: ['key', ...runs.map(({ folder }) => folder)],
              rows: differing.map(({ key, values }) => [key, ...values.map((value) => value ?? null)]),
            }),
          ]
        : []),
      ...(problems.length > 0 ? [proseSection({ title: 'Problems', list: problems })] : []),
    ],
  });
}
