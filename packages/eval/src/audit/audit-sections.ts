import type { Estimate } from '@subtext/core';

import { probability } from '../comparison/comparison-tables';
import { chartSection } from '../report/chart-section';
import { formatValue } from '../report/format-value';
import { proseSection } from '../report/prose-section';
import type { ReportSection } from '../report/report-section';
import { tableSection, type TableCell, type TableColumn } from '../report/table-section';
import type { InterpreterAudit } from './audit-interpreter';
import type { ThoughtAudit } from './audit-thoughts';
import { inDistribution } from './measure-conditions';
import type { RetainedInformation } from './retained-information';

const cell = (estimate: Estimate | null | undefined): TableCell =>
  estimate ? { value: estimate.value, interval: estimate.interval } : null;

export const thoughtColumns: TableColumn[] = [
  { header: 'thoughts' },
  { header: 'examples', format: 'integer', align: 'right' },
  { header: 'accuracy', format: 'percent', align: 'right' },
  { header: 'drop', format: 'percent', align: 'right' },
  { header: 'p after Holm', align: 'right' },
  { header: 'answers changed', format: 'percent', align: 'right' },
  { header: 'answer NLL (nats)', digits: 3, align: 'right' },
  { header: 'loss (nats)', digits: 3, align: 'right' },
];

export function thoughtRows(audit: ThoughtAudit): TableCell[][] {
  return [
    [
      { value: 'own', strong: true },
      audit.count,
      cell(audit.accuracy),
      null,
      null,
      null,
      audit.negativeLogLikelihood.value,
      null,
    ],
    ...audit.interventions.map(({ name, kind, kept, count, effect }): TableCell[] => [
      kind !== 'cut' ? name : kept === 0 ? 'no thoughts at all' : `own, ${name} kept`,
      count,
      ...(effect === null
        ? [null, null, null, null, null, null]
        : [
            cell(effect.accuracy),
            cell(effect.accuracyDrop),
            probability(effect.pValue),
            cell(effect.flips),
            effect.negativeLogLikelihood.value,
            cell(effect.likelihoodLoss),
          ]),
    ]),
  ];
}

/** A verdict with its doubt; what cannot be told has none. */
export function verdictWords({ verdict, certain }: { verdict: string; certain: boolean }): string {
  return certain || verdict === 'cannot tell' ? verdict : `${verdict} (not certain)`;
}

/** The verdict in a sentence. */
export function verdictSentence({
  verdict,
  certain,
  subject,
}: {
  verdict: string;
  certain: boolean;
  subject: string;
}): string {
  return `${subject}: ${verdictWords({ verdict, certain })}.`;
}

/** An audit of thoughts as sections of a report. */
export function thoughtAuditSections({
  audit,
  retained,
  name,
}: {
  audit: ThoughtAudit;
  /** @default left out */
  retained?: RetainedInformation;
  /** Tells several audits of one page apart, such as by model or task. @default none */
  name?: string;
}): ReportSection[] {
  const titled = (title: string) => (name === undefined ? title : `${title} (${name})`);
  const cuts = audit.interventions.filter(({ kind, effect }) => kind === 'cut' && effect !== null);
  const sections = [
    proseSection({
      title: titled('Are the thoughts used?'),
      text: verdictSentence({ verdict: audit.verdict, certain: audit.certain, subject: 'The thoughts' }),
      list: [...audit.evidence, ...retainedSentence(retained)],
    }),
    tableSection({
      title: titled('Interventions on the thoughts'),
      caption: `${audit.count} examples with their own and with replaced thoughts; 95 % intervals unless stated otherwise. Each row counts only examples whose thoughts the intervention changes.`,
      columns: thoughtColumns,
      rows: thoughtRows(audit),
    }),
  ];
  if (cuts.length > 1) {
    const points = cuts.map(({ kept, effect }) => ({
      x: kept as number,
      y: (effect as NonNullable<typeof effect>).accuracy.value,
      interval: (effect as NonNullable<typeof effect>).accuracy.interval,
    }));
    // With all of them kept, nothing is cut.
    points.push({
      x: Math.max(...points.map(({ x }) => x)) + 1,
      y: audit.accuracy.value,
      interval: audit.accuracy.interval,
    });
    sections.push(
      chartSection({
        title: titled('Accuracy by thoughts kept'),
        caption:
          'Accuracy when only the first thoughts are kept, for examples that lose any; the last point has all of their own thoughts.',
        series: [{ name: 'accuracy', points }],
        xLabel: 'thoughts kept',
        yLabel: 'accuracy',
        yFormat: 'percent',
        yInclude: [0, 1],
      }),
    );
  }
  return sections;
}

export const interpreterColumns: TableColumn[] = [
  { header: 'given' },
  { header: 'trained on such' },
  { header: 'examples', format: 'integer', align: 'right' },
  { header: 'facts right', format: 'percent', align: 'right' },
  { header: 'margin', format: 'percent', align: 'right' },
  { header: 'NLL (nats a token)', digits: 3, align: 'right' },
  { header: 'margin (nats)', digits: 3, align: 'right' },
  { header: 'same text', format: 'percent', align: 'right' },
];

const conditionNames: Record<string, string> = {
  own: 'own thought',
  another: 'another example’s',
  'blind interpreter': 'another example’s, by a blind interpreter',
  noise: 'noise of the same norm',
};

export function interpreterRows({ conditions }: InterpreterAudit): TableCell[][] {
  return conditions.map((one) => [
    conditionNames[one.condition] ?? one.condition,
    inDistribution.has(one.condition) ? 'yes' : 'no',
    one.count,
    cell(one.factsRight),
    cell(one.factMargin),
    cell(one.negativeLogLikelihood),
    cell(one.likelihoodMargin),
    cell(one.sameText),
  ]);
}

/** An audit of an interpreter as sections of a report. */
export function interpreterAuditSections({
  audit,
  name,
}: {
  audit: InterpreterAudit;
  /** Tells several interpreters of one page apart, such as by stage. @default none */
  name?: string;
}): ReportSection[] {
  const titled = (title: string) => (name === undefined ? title : `${title} (${name})`);
  return [
    proseSection({
      title: titled('Does the interpreter read the thought?'),
      text: verdictSentence({ verdict: audit.verdict, certain: audit.certain, subject: 'The interpreter' }),
      list: audit.evidence,
    }),
    tableSection({
      title: titled('What the interpreter is given'),
      caption: `${audit.count} examples. Margins are the advantage of the own thought; above 0 the thought helps. The verdict rests on inputs of the kind the interpreter was trained on. Zeros, means, noise, and prompts without a thought or question are not of that kind, and may give worse results than a guess.`,
      columns: interpreterColumns,
      rows: interpreterRows(audit),
    }),
  ];
}

/** Retained information in a sentence; none where it was not measured. */
export function retainedSentence(retained: RetainedInformation | null | undefined): string[] {
  if (!retained) return [];
  const nats = `(answer NLL without chain ${retained.withoutChain.toFixed(3)}, hidden ${retained.hidden.toFixed(3)}, written ${retained.written.toFixed(3)} nats)`;
  if (retained.value === null)
    return [
      `Retained information ρ cannot be computed: the written chain adds no information about the answer ${nats}.`,
    ];
  const interval =
    retained.interval === null
      ? ''
      : ` [${retained.interval.map((bound) => formatValue({ value: bound, digits: 2 })).join(', ')}]`;
  return [`Retained information ρ = ${formatValue({ value: retained.value, digits: 2 })}${interval} ${nats}.`];
}
