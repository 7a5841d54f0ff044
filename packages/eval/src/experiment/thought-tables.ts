import { verdictWords } from '../audit/audit-sections';
import type { TableCell } from '../report/table-section';
import type { RunFindings } from './run-findings';
import { type ByCell, type ExperimentTable, right, spread } from './table-cells';

export function auditTables({ cells, of }: Pick<ByCell, 'cells' | 'of'>): ExperimentTable[] {
  const audited = cells.filter((cell) => of(cell).some(({ audit }) => audit !== undefined));
  if (audited.length === 0) return [];
  const columns = [
    [
      'thoughts removed',
      (one: NonNullable<RunFindings['audit']>['interventions'][number]) => one.kind === 'cut' && one.kept === 0,
    ],
    ["another question's", ({ kind }: { kind: string }) => kind === 'another'],
    ['own, in another order', ({ kind }: { kind: string }) => kind === 'permuted'],
    ['the mean thought', ({ kind }: { kind: string }) => kind === 'mean'],
  ] as const;
  return [
    {
      title: 'Are the thoughts used?',
      caption:
        'Accuracy where what later positions see of the thoughts is replaced while everything else stays: the audit of each run, mean and deviation over seeds. Follows: answers that became those of the thoughts that were swapped in. Stages: what exchanging one stage alone between examples shows.',
      columns: [
        { header: 'what' },
        right('own thoughts'),
        ...columns.map(([header]) => right(header)),
        right('swapped: follows'),
        { header: 'verdict by seed' },
        { header: 'stages by seed' },
      ],
      rows: audited.map((cell) => {
        const audits = of(cell).flatMap(({ audit }) => audit ?? []);
        return [
          cell,
          spread(audits.map(({ accuracy }) => accuracy.value)),
          ...columns.map(([, matches]) =>
            spread(audits.map(({ interventions }) => interventions.find(matches)?.accuracy)),
          ),
          spread(audits.map(({ interventions }) => interventions.find(({ kind }) => kind === 'swapped')?.follows)),
          audits.map(verdictWords).join(', '),
          audits
            .map(({ stages }) => stages.map((one) => `${one.stage}: ${verdictWords(one)}`).join('; ') || '–')
            .join(', '),
        ];
      }),
    },
  ];
}

export function fewerTables({ cells, of, runs }: ByCell): ExperimentTable[] {
  const kinds = Object.keys(runs[0]?.byKind ?? {});
  const rows = cells.flatMap((cell) => {
    const measured = of(cell).flatMap(({ fewer }) => (fewer === undefined ? [] : [fewer]));
    return (measured[0] ?? []).map(({ thoughts }, index): TableCell[] => [
      cell,
      thoughts,
      spread(measured.map((fewer) => fewer[index]?.score)),
      ...kinds.map((kind) => spread(measured.map((fewer) => fewer[index]?.byKind[kind]))),
    ]);
  });
  if (rows.length === 0) return [];
  return [
    {
      title: 'How many thoughts',
      caption: 'The same models with a fixed number of thoughts in every question.',
      columns: [{ header: 'what' }, { header: 'thoughts', format: 'integer' }, right('score'), ...kinds.map(right)],
      rows,
    },
  ];
}

export function drawnTables({ cells, of }: Omit<ByCell, 'runs'>): ExperimentTable[] {
  const rows = cells.flatMap((cell): TableCell[][] => {
    const measured = of(cell).filter(({ drawn }) => drawn !== undefined);
    if (measured.length === 0) return [];
    const difference = (value: number) => (100 * value).toFixed(1);
    return [
      [
        cell,
        spread(measured.map(({ score }) => score)),
        spread(measured.map(({ drawn }) => drawn)),
        spread(
          measured.map(({ drawn, score }) => drawn! - score),
          difference,
        ),
      ],
    ];
  });
  if (rows.length === 0) return [];
  return [
    {
      title: 'Thoughts drawn by chance',
      caption:
        'The same questions and models with thoughts that are drawn, as they are in training by rewards; the text is greedy.',
      columns: [{ header: 'what' }, right('score'), right('with drawn thoughts'), right('points more')],
      rows,
    },
  ];
}

export function recurrencesTables({ cells, of }: ByCell): ExperimentTable[] {
  const measured = cells.flatMap((cell) => {
    const found = of(cell).flatMap(({ recurrences }) => (recurrences === undefined ? [] : [recurrences]));
    return found.length === 0 ? [] : [{ cell, found }];
  });
  const counts = [...new Set(measured.flatMap(({ found }) => found.flat().map(({ recurrences }) => recurrences)))];
  if (counts.length === 0) return [];
  return [
    {
      title: 'How many recurrences',
      caption:
        'The same models with another number of recurrences in every question: score, mean ± deviation over seeds.',
      columns: [{ header: 'what' }, ...counts.map((count) => right(String(count)))],
      rows: measured.map(({ cell, found }) => [
        cell,
        ...counts.map((count) =>
          spread(found.map((one) => one.find(({ recurrences }) => recurrences === count)?.score)),
        ),
      ]),
    },
  ];
}

export function factorsTables({ cells, of }: ByCell): ExperimentTable[] {
  const rows = cells.flatMap((cell) => {
    const found = of(cell).flatMap(({ factors }) => (factors === undefined ? [] : [factors]));
    const every = [...new Set(found.flat().map(({ factor }) => factor))];
    return every.map((factor) => {
      const own = found.map((one) => one.find((measured) => measured.factor === factor));
      const thoughts = own.flatMap((one) => (one === undefined ? [] : [one.thoughts]));
      return [
        cell,
        factor,
        thoughts.reduce((sum, value) => sum + value, 0) / thoughts.length,
        spread(own.map((one) => one?.score)),
      ];
    });
  });
  if (rows.length === 0) return [];
  return [
    {
      title: 'How many tokens a thought stands for',
      caption:
        'The same models asked with each compression factor: mean thoughts of an answer, and score, mean ± deviation over seeds.',
      columns: [{ header: 'what' }, right('factor'), right('thoughts'), right('score')],
      rows,
    },
  ];
}
