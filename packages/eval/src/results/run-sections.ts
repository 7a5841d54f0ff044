import { wilsonInterval } from '@subtext/core';

import { markdownTable } from '../comparison/comparison-tables';
import { scoreRun } from '../comparison/compare-runs';
import { gallerySection } from '../report/gallery-section';
import type { ReportImage } from '../report/image-source';
import { proseSection } from '../report/prose-section';
import type { ReportSection } from '../report/report-section';
import { tableSection, type TableCell, type TableColumn } from '../report/table-section';
import type { EvaluationResults } from './evaluation-results';
import { scoreOf, type SampleRecord } from './sample-record';

/** A task of a run, as its report shows it. */
export interface ReportedTask {
  task: string;
  samples: readonly SampleRecord[];
  /** The score to show. @default the samples' first */
  metric?: string;
  /** Pictures by sample id, for the examples shown. @default none */
  images?: ReadonlyMap<string, ReportImage>;
}

const columns: TableColumn[] = [
  { header: 'task' },
  { header: 'metric' },
  { header: 'score', format: 'percent', align: 'right' },
  { header: 'samples', format: 'integer' },
  { header: 'tokens', digits: 1 },
  { header: 'tokens without tags', digits: 1 },
  { header: 'thoughts', digits: 1 },
  { header: 'time', format: 'seconds' },
  { header: 'unparseable', format: 'integer' },
  { header: 'failed', format: 'integer' },
  { header: 'dropped', format: 'integer' },
];

/** A run as sections of a report: scores with intervals, by category, examples right and wrong alike, and how it was made. */
export function runSections({
  results,
  tasks,
  shown = 12,
}: {
  results: EvaluationResults;
  tasks: readonly ReportedTask[];
  /** Examples shown of each task: its first ones. @default 12 */
  shown?: number;
}): ReportSection[] {
  return [
    tableSection({
      title: 'Scores',
      caption:
        'Means over the samples with 95 % intervals (Wilson’s where scores are right or wrong). Outputs without an answer (unparseable) and samples that could not be run (failed) count as wrong; dropped records of the data could not be read at all.',
      columns,
      rows: scoreRows({ results, tasks }),
      notes: measureNotes(results),
    }),
    ...tasks.flatMap((task) => categorySection(task)),
    ...tasks.flatMap((task) => exampleSection(task, shown)),
    proseSection({
      title: 'How it was made',
      facts: [
        { name: 'model', value: results.model_name },
        ...(results.model_hash === null ? [] : [{ name: 'model hash', value: results.model_hash }]),
        { name: 'date', value: new Date(results.date * 1000).toISOString() },
        { name: 'commit', value: results.git_hash ?? 'not in a git work tree' },
        ...Object.entries(results.data_hashes).map(([task, hash]) => ({ name: `data of ${task}`, value: hash })),
        ...Object.entries(results.config).flatMap(([name, value]) =>
          value === null || name === 'model' ? [] : [{ name, value: settingText(value) }],
        ),
        ...Object.entries(results.versions_of_packages).map(([name, value]) => ({ name, value })),
      ],
    }),
  ];
}

/** A setting in words: `temperature 0, max_new_tokens 64`, not JSON. */
function settingText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const parts = Object.entries(value).filter(([, part]) => part !== null && part !== undefined);
  return Array.isArray(value)
    ? value.map(settingText).join(', ')
    : parts.map(([name, part]) => `${name.replaceAll('_', ' ')} ${settingText(part)}`).join(', ');
}

/** The scores of a run as a Markdown table. */
export function runMarkdown({
  results,
  tasks,
}: {
  results: EvaluationResults;
  tasks: readonly ReportedTask[];
}): string {
  return [
    ...markdownTable({ columns, rows: scoreRows({ results, tasks }) }),
    '',
    ...measureNotes(results).map((note) => `- ${note}`),
    '',
  ].join('\n');
}

function metricOf({ metric, samples }: ReportedTask): string {
  return metric ?? samples[0]?.metrics[0] ?? 'exact_match';
}

function scoreRows({ results, tasks }: { results: EvaluationResults; tasks: readonly ReportedTask[] }): TableCell[][] {
  return tasks.flatMap((reported) => {
    const metric = metricOf(reported);
    const score = scoreRun({ run: { name: reported.task, samples: reported.samples }, metric });
    const filter = reported.samples[0]?.filter ?? 'none';
    const dropped = results.results[reported.task]?.[`dropped,${filter}`];
    const own: TableCell[] = [
      reported.task,
      filter === 'none' ? metric : `${metric} (${filter})`,
      { value: score.mean, interval: score.interval },
      score.count,
      score.generatedTokens,
      score.generatedTokensWithoutTags,
      score.thoughts,
      score.seconds,
      score.unparseable,
      score.failed,
      typeof dropped === 'number' ? dropped : null,
    ];
    return [own, ...filterRows(reported)];
  });
}

/** What the task's further rules find, each in a row. */
function filterRows({ task, samples }: ReportedTask): TableCell[][] {
  return Object.keys(samples[0]?.filters ?? {}).map((name) => {
    const right = samples.filter((sample) => sample.filters?.[name]?.correct === true).length;
    const unparseable = samples.filter(
      (sample) => sample.error === undefined && (sample.filters?.[name]?.extracted ?? null) === null,
    ).length;
    return [
      task,
      `exact_match (${name})`,
      { value: right / samples.length, interval: wilsonInterval({ successes: right, total: samples.length }) },
      samples.length,
      null,
      null,
      null,
      null,
      unparseable,
      null,
      null,
    ];
  });
}

/** Measures over whole sets, such as MMBench's circular accuracy: what the results hold beside means and our columns. */
function measureNotes(results: EvaluationResults): string[] {
  const ours =
    /^(?:alias$|(?:generated_tokens|generated_tokens_without_tags|thoughts|forward_passes|seconds|unparseable|failed|dropped)(?:_stderr)?,)|_stderr,/;
  return Object.entries(results.results).flatMap(([task, entry]) =>
    Object.entries(entry)
      .filter(
        ([name, value]) =>
          !ours.test(name) && typeof value === 'number' && !(`${name.replace(',', '_stderr,')}` in entry),
      )
      .map(([name, value]) => `${task}: ${name.split(',')[0]} ${(100 * (value as number)).toFixed(1)} %`),
  );
}

function categorySection(reported: ReportedTask): ReportSection[] {
  const metric = metricOf(reported);
  const groups = new Map<string, SampleRecord[]>();
  for (const sample of reported.samples) {
    if (typeof sample.doc.category !== 'string') continue;
    groups.set(sample.doc.category, [...(groups.get(sample.doc.category) ?? []), sample]);
  }
  if (groups.size < 2) return [];
  const rows = [...groups]
    .sort(([one], [other]) => one.localeCompare(other, 'en', { numeric: true }))
    .map(([category, samples]): TableCell[] => {
      const score = scoreRun({ run: { name: category, samples }, metric });
      return [category, { value: score.mean, interval: score.interval }, score.count, score.unparseable];
    });
  return [
    tableSection({
      title: `By category: ${reported.task}`,
      caption: `${metric} of each kind of question.`,
      columns: [
        { header: 'category' },
        { header: 'score', format: 'percent', align: 'right' },
        { header: 'samples', format: 'integer' },
        { header: 'unparseable', format: 'integer' },
      ],
      rows,
    }),
  ];
}

function exampleSection(reported: ReportedTask, shown: number): ReportSection[] {
  const metric = metricOf(reported);
  const samples = reported.samples.slice(0, shown);
  if (samples.length === 0) return [];
  return [
    gallerySection({
      title: `Examples: ${reported.task}`,
      caption: `The first ${samples.length} samples, neither chosen nor sorted.`,
      items: samples.map((sample) => ({
        name: sample.id,
        question: typeof sample.doc.question === 'string' ? sample.doc.question : '',
        answer: sample.error === undefined ? (sample.filtered_resps[0] ?? null) : `not run: ${sample.error.message}`,
        expected: sample.target,
        correct: scoreOf(sample, metric) === 1,
        ...(reported.images?.has(sample.id) === true ? { image: reported.images.get(sample.id) as ReportImage } : {}),
        counts: [`${sample.generated_tokens} tokens`, `${sample.thoughts} thoughts`],
        output: sample.resps[0]?.[0] ?? '',
      })),
    }),
  ];
}
