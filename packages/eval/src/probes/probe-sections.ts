import {
  type LinearProbeResult,
  type LensReading,
  mostActivating,
  type SparseAutoencoder,
  type ThoughtGeometry,
} from '@subtext/decoder';

import { chartSection } from '../report/chart-section';
import { formatValue } from '../report/format-value';
import { proseSection } from '../report/prose-section';
import type { ReportSection } from '../report/report-section';
import { tableSection, type TableCell } from '../report/table-section';

/** What the probes of a model's thoughts found, as sections of a report. Give those that were run. */
export function probeSections({
  lens,
  probes = [],
  geometry,
  autoencoder,
}: {
  /** One example's readings, `[layer][thought]`. @default left out */
  lens?: { readings: LensReading[][]; /** By thought. */ names: string[]; tokenText: (id: number) => string };
  /** @default none */
  probes?: { name: string; result: LinearProbeResult }[];
  /** @default left out */
  geometry?: ThoughtGeometry;
  /** @default left out */
  autoencoder?: {
    trained: SparseAutoencoder;
    states: readonly ArrayLike<number>[];
    /** By state: what it is, such as its example and stage. */
    names: string[];
    /** Latents shown, those that are active most often. @default 10 */
    shown?: number;
  };
}): ReportSection[] {
  const sections: ReportSection[] = [];
  if (lens !== undefined) {
    const rows = lens.readings.map((layer, index): TableCell[] => [
      index === 0 ? 'input' : `layer ${index}`,
      ...layer.map((reading): TableCell => {
        const [first] = reading.tokens;
        if (first === undefined) return null;
        const others = reading.tokens
          .slice(1, 3)
          .map(
            (token) =>
              `${visible(lens.tokenText(token.id))} ${formatValue({ value: token.probability, format: 'percent', digits: 0 })}`,
          );
        return {
          value: `${visible(lens.tokenText(first.id))} ${formatValue({ value: first.probability, format: 'percent', digits: 0 })}`,
          note: others.join(', '),
        };
      }),
    ]);
    sections.push(
      tableSection({
        title: 'Logit lens',
        caption: 'What the state at each thought would say if its layer were the last: the three most probable tokens.',
        columns: ['layer', ...lens.names],
        rows,
      }),
    );
  }
  if (probes.length > 0) {
    sections.push(
      tableSection({
        title: 'Linear probes',
        caption:
          'Held-out accuracy of a linear classifier on the thoughts, with its 95 % interval, beside the same on shuffled labels, which is chance, and on a control task: every question has a random label of its own, wherever it stands (Hewitt and Liang, 2019). Selectivity is accuracy less the control task’s: what the probe did not merely learn by heart.',
        columns: [
          { header: 'label' },
          { header: 'accuracy', format: 'percent', align: 'right' },
          { header: 'shuffled labels', format: 'percent', align: 'right' },
          { header: 'control task', format: 'percent', align: 'right' },
          { header: 'selectivity', format: 'percent', align: 'right' },
          { header: 'commonest label', format: 'percent' },
          { header: 'weights', format: 'integer' },
          { header: 'labels', format: 'integer' },
          { header: 'held out', format: 'integer' },
        ],
        rows: probes.map(({ name, result }) => [
          name,
          {
            value: result.accuracy.value,
            interval: result.accuracy.interval,
            tone:
              result.accuracy.interval[0] > Math.max(result.shuffled.highest, result.majority) &&
              (result.selectivity === null || result.selectivity > 0)
                ? 'good'
                : 'uncertain',
          },
          { value: result.shuffled.mean, interval: [Math.min(...result.shuffled.accuracies), result.shuffled.highest] },
          result.control === null
            ? null
            : {
                value: result.control.mean,
                interval: [Math.min(...result.control.accuracies), result.control.highest],
              },
          result.selectivity,
          result.majority,
          result.parameters,
          result.labels.length,
          result.heldOutCount,
        ]),
        notes: [
          'The brackets of shuffled labels and control tasks are the lowest and highest of them.',
          ...(probes.some(({ result }) => result.control === null)
            ? [
                'Where no question stands both in the training part and in the held-out one there is no control task, and selectivity cannot be told.',
              ]
            : []),
        ],
      }),
    );
  }
  if (geometry !== undefined) {
    sections.push(
      tableSection({
        title: 'Likeness of the thoughts',
        caption: `${geometry.examples} examples. A cosine near 1 between examples says that the place holds the same whatever the question; few dimensions say that the thoughts have collapsed.`,
        columns: [
          { header: 'thought' },
          { header: 'examples', format: 'integer' },
          { header: 'norm', align: 'right' },
          { header: 'cosine between examples', digits: 3 },
          { header: 'dimensions', digits: 1 },
        ],
        rows: geometry.places.map(({ place, norm, cosineBetweenExamples, dimensions }) => [
          String(place + 1),
          norm.count,
          `${formatValue({ value: norm.mean })} ± ${formatValue({ value: norm.deviation })}`,
          cosineBetweenExamples,
          dimensions,
        ]),
        notes:
          geometry.cosineWithinExample === null
            ? []
            : [
                `Mean cosine between the thoughts of one example: ${formatValue({ value: geometry.cosineWithinExample, digits: 3 })}.`,
              ],
      }),
    );
  }
  if (autoencoder !== undefined) sections.push(...autoencoderSections(autoencoder));
  return sections;
}

function autoencoderSections({
  trained,
  states,
  names,
  shown = 10,
}: {
  trained: SparseAutoencoder;
  states: readonly ArrayLike<number>[];
  names: string[];
  shown?: number;
}): ReportSection[] {
  const frequency = new Map<number, number>();
  for (const state of states)
    for (const { latent } of trained.encode(state)) frequency.set(latent, (frequency.get(latent) ?? 0) + 1);
  const commonest = [...frequency]
    .sort(([one, count], [other, otherCount]) => otherCount - count || one - other)
    .slice(0, shown);
  return [
    proseSection({
      title: 'Sparse autoencoder',
      text: `${trained.latents} latents, ${trained.active} active at once, explain ${formatValue({ value: trained.explainedVariance, format: 'percent' })} of the variance of held-out thoughts; ${trained.deadLatents} latents are never active.`,
    }),
    chartSection({
      title: 'Sparse autoencoder: training',
      caption: 'Mean squared error of the reconstruction, in units of the thoughts’ variance.',
      series: [{ name: 'error', points: trained.losses.map((y, x) => ({ x: x + 1, y })) }],
      xLabel: 'step',
      yLabel: 'error',
      smoothingWindow: 15,
    }),
    tableSection({
      title: 'Sparse autoencoder: latents',
      caption: 'The latents that are active most often, with the thoughts in which they are strongest.',
      columns: [
        { header: 'latent' },
        { header: 'active in', format: 'percent' },
        { header: 'strongest in', align: 'left' },
      ],
      rows: commonest.map(([latent, count]) => [
        String(latent),
        count / states.length,
        mostActivating({ autoencoder: trained, states, latent, count: 4 })
          .map(({ index, strength }) => `${names[index] ?? index} (${formatValue({ value: strength })})`)
          .join('; '),
      ]),
      notes: [`Shares of ${states.length} thoughts.`],
    }),
  ];
}

/** A token's text with its spaces made visible. */
function visible(text: string): string {
  return text === '' ? '(empty)' : text.replaceAll(' ', '␣').replaceAll('\n', '↵');
}
