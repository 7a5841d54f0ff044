import { writeFileAtomically } from '@subtext/core/node';
import type { ProbeVerdict } from '@subtext/decoder';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { markdownTable } from '../comparison/comparison-tables';
import { formatValue } from '../report/format-value';
import { proseSection } from '../report/prose-section';
import { renderReport } from '../report/render-report';
import { tableSection, type TableCell, type TableColumn } from '../report/table-section';
import type { ComparedFact } from './compare-reasoner-probes';
import type { ModelProbes } from './probe-model';

/** What probing a model found, as Markdown: verdicts, and the thought beside each baseline. */
export function probeMarkdown({ facts, left }: Pick<ModelProbes, 'facts' | 'left'>): string {
  return [
    ...facts.map((fact) => `- ${probeSentence(fact)}`),
    '',
    ...markdownTable({ columns: columnsOf(facts), rows: rowsOf(facts) }),
    ...(left.length > 0 ? ['', ...left.map((reason) => `Left out: ${reason}`)] : []),
    '',
  ].join('\n');
}

/** Writes `probe.json`, `probe.md` and `report.html` into a folder. */
export async function writeProbes({
  probes,
  name,
  folder,
}: {
  probes: ModelProbes;
  /** The model's, in the title. */
  name: string;
  folder: string;
}): Promise<{ report: string }> {
  const { facts, left, seeds, count, task, machine, versions } = probes;
  const report = join(folder, 'report.html');
  const page = renderReport({
    title: `Probes of ${name}`,
    summary: `${count} questions of ${task}. ${facts.map(probeSentence).join(' ')}`,
    sections: [
      tableSection({
        title: 'Can it be read from the thoughts?',
        caption:
          'Accuracy of linear probes over examples that they were not trained on, with 95 % intervals; every example is held out once. Under each baseline stands the thought’s accuracy less its own, in points. The control task gives every question a random label of its own (Hewitt and Liang, 2019): the difference to it is the selectivity.',
        columns: columnsOf(facts),
        rows: rowsOf(facts),
      }),
      ...(left.length > 0 ? [proseSection({ title: 'Left out', list: left })] : []),
      proseSection({
        title: 'How it was made',
        text: 'Read from the thought: ahead of every baseline, each interval of the paired difference above 0. No better than a baseline: the interval to one ends below 10 points. Cannot tell: neither.',
        facts: [
          { name: 'model', value: probes.model },
          { name: 'seeds', value: seeds.join(', ') },
          ...[...Object.entries(machine), ...Object.entries(versions)].map(([key, value]) => ({
            name: key.replaceAll('_', ' '),
            value: String(value),
          })),
        ],
      }),
    ],
  });
  await mkdir(folder, { recursive: true });
  for (const [file, data] of [
    ['probe.json', `${JSON.stringify(probes, null, 2)}\n`],
    ['probe.md', probeMarkdown(probes)],
    ['report.html', page],
  ] as const)
    await writeFileAtomically({ path: join(folder, file), data });
  return { report };
}

function probeSentence({ stage, fact, comparison: { verdict, closest } }: ComparedFact): string {
  const [low, high] = closest.difference.interval.map((value) => formatValue({ value: 100 * value, digits: 1 }));
  const lead = formatValue({ value: 100 * closest.difference.value, digits: 1 });
  return `${fact} in the thoughts of ${stage}: ${verdict} (thought less ${closest.name}: ${lead} points [${low}, ${high}]).`;
}

/** The baselines' names, in order: a fact without a control task lacks that one. */
function baselinesOf(facts: readonly ComparedFact[]): string[] {
  const names = facts.map(({ comparison }) => comparison.baselines.map(({ name }) => name));
  return names.reduce((most, one) => (one.length > most.length ? one : most), []);
}

function columnsOf(facts: readonly ComparedFact[]): TableColumn[] {
  return [
    { header: 'stage → fact' },
    { header: 'verdict', align: 'left' },
    { header: 'thought', format: 'percent', align: 'right' },
    ...baselinesOf(facts).map((header): TableColumn => ({ header, format: 'percent', align: 'right' })),
    { header: 'labels', format: 'integer' },
    { header: 'examples', format: 'integer' },
  ];
}

const tones: Readonly<Record<ProbeVerdict, 'good' | 'bad' | 'uncertain'>> = {
  'read from the thought': 'good',
  'no better than a baseline': 'bad',
  'cannot tell': 'uncertain',
};

function rowsOf(facts: readonly ComparedFact[]): TableCell[][] {
  const names = baselinesOf(facts);
  return facts.map(({ stage, fact, comparison }) => [
    `${stage} → ${fact}`,
    { value: comparison.verdict, tone: tones[comparison.verdict] },
    { value: comparison.accuracy.value, interval: comparison.accuracy.interval },
    ...names.map((name): TableCell => {
      const baseline = comparison.baselines.find((one) => one.name === name);
      if (baseline === undefined) return null;
      const { value, interval } = baseline.difference;
      const [low, high] = interval.map((end) => formatValue({ value: 100 * end, digits: 1 }));
      return {
        value: baseline.accuracy.value,
        note: `thought less this: ${formatValue({ value: 100 * value, digits: 1 })} [${low}, ${high}]`,
      };
    }),
    comparison.labels,
    comparison.states,
  ]);
}
