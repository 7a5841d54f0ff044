import { EvaluationError } from '../errors';
import { escapeHtml } from '@subtext/decoder/cards';
import { formatValue } from './format-value';
import { legendMark, lineChart, type ChartPoint, type LineChartOptions } from './line-chart';
import { inlineCode, makeSection, paragraphs, type ReportSection } from './report-section';

/** Options of {@link chartSection}. */
export interface ChartSectionOptions extends Omit<LineChartOptions, 'label'> {
  title: string;
  /** What the chart shows; stands below it and is read to those who cannot see it. */
  caption: string;
  /** Text before the chart. @default none */
  text?: string | string[];
}

/**
 * A line chart as static SVG, with a legend and its first, best and last values as a table.
 *
 * @throws EvaluationError empty-set where no series has a point to draw.
 */
export function chartSection({ title, caption, text = [], ...chart }: ChartSectionOptions): ReportSection {
  const drawn = chart.series.some((series) =>
    series.points.some((point) => Number.isFinite(point.x) && Number.isFinite(point.y)),
  );
  if (!drawn) {
    throw new EvaluationError({
      code: 'empty-set',
      message: `Chart "${title}": no series has a finite point; leave the section out, or give points.`,
    });
  }
  const legend = chart.series
    .map((series, index) => `<li>${legendMark(index)} ${escapeHtml(series.name)}</li>`)
    .join('');
  const phases = (chart.phases ?? [])
    .map(
      (phase) =>
        `<li>${escapeHtml(phase.label)} <span class="interval">from ${escapeHtml(formatValue({ value: phase.x }))}</span></li>`,
    )
    .join('');
  const html = `${paragraphs(text)}
<figure>
${lineChart({ ...chart, label: `${title}. ${caption}` })}
<ul class="legend">${legend}</ul>
<figcaption>${inlineCode(caption)}</figcaption>
</figure>
<details><summary>The values as a table${phases === '' ? '' : ', and the phases'}</summary>
${valueTable(chart)}
${phases === '' ? '' : `<p>Phases, by ${escapeHtml(chart.xLabel)}:</p><ol>${phases}</ol>`}
</details>`;
  return makeSection({ title, html });
}

function valueTable({ series, xLabel, yLabel, yFormat = 'number' }: Omit<LineChartOptions, 'label'>): string {
  const rows = series.map(({ name, points }) => {
    const finite = points
      .filter((point) => Number.isFinite(point.x) && Number.isFinite(point.y))
      .sort((left, right) => left.x - right.x);
    const least = finite.reduce<ChartPoint | undefined>(
      (best, point) => (best === undefined || point.y < best.y ? point : best),
      undefined,
    );
    const most = finite.reduce<ChartPoint | undefined>(
      (best, point) => (best === undefined || point.y > best.y ? point : best),
      undefined,
    );
    const cells = [finite[0], least, most, finite.at(-1)].map((point) =>
      point === undefined
        ? '–'
        : `${formatValue({ value: point.y, format: yFormat })} <span class="interval">at ${formatValue({ value: point.x })}</span>`,
    );
    return `<tr><th scope="row" class="left">${escapeHtml(name)}</th>${cells.map((cell) => `<td class="right">${cell}</td>`).join('')}<td class="right">${finite.length}</td></tr>`;
  });
  return `<div class="scroll" role="region" tabindex="0" aria-label="Values of the chart"><table>
<caption><span>${escapeHtml(yLabel)} by ${escapeHtml(xLabel)}</span></caption>
<thead><tr><th scope="col" class="left">line</th>${['first', 'lowest', 'highest', 'last', 'points'].map((head) => `<th scope="col" class="right">${head}</th>`).join('')}</tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div>`;
}
