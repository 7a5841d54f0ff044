import { EvaluationError } from '../errors';
import { escapeHtml } from '@subtext/decoder/cards';
import { slug } from './gallery-section';
import { inlineCode, isReportSection, paragraphs, type ReportSection } from './report-section';
import { reportStyles } from './report-styles';

/** A number that stands large at the top of a report. */
export interface ReportHighlight {
  label: string;
  /** Written already, such as `96.4 %`. */
  value: string;
  /** A remark below it, such as its interval. @default none */
  note?: string;
}

/** Options of {@link renderReport}. */
export interface RenderReportOptions {
  title: string;
  /** What was done and what came out, in a few sentences. */
  summary: string | string[];
  sections: ReportSection[];
  /** @default none */
  highlights?: ReportHighlight[];
  /** Versions, seeds, date: the last line of the page. @default none */
  footer?: string;
}

/**
 * One HTML page that stands alone: no request leaves it, which its content policy also forbids; no
 * scripts. Responsive from 320 px, light and dark. All text is escaped.
 *
 * @throws EvaluationError invalid-option for a section that no builder made.
 */
export function renderReport({ title, summary, sections, highlights = [], footer }: RenderReportOptions): string {
  const used = new Map<string, number>();
  const placed = sections.map((section, index) => {
    if (!isReportSection(section)) {
      throw new EvaluationError({
        code: 'invalid-option',
        message: `Section ${index + 1} of the report was not made by a section builder; use proseSection, tableSection, chartSection or gallerySection.`,
      });
    }
    const base = slug(section.title);
    const count = (used.get(base) ?? 0) + 1;
    used.set(base, count);
    return { section, id: count === 1 ? base : `${base}-${count}` };
  });
  // The names of a gallery's controls come from its title: two galleries of one title need two names.
  const body = placed.map(
    ({ section, id }) =>
      `<section aria-labelledby="${id}">\n<h2 id="${id}">${escapeHtml(section.title)}</h2>\n${section.html.replaceAll(`name="show-${slug(section.title)}"`, `name="show-${id}"`)}\n</section>`,
  );
  const tiles = highlights
    .map(
      ({ label, value, note }) =>
        `<div><dt>${escapeHtml(label)}</dt><dd class="value">${escapeHtml(value)}</dd>${note === undefined ? '' : `<dd class="interval">${escapeHtml(note)}</dd>`}</div>`,
    )
    .join('');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<style>
${reportStyles}
</style>
</head>
<body>
<header>
<h1>${escapeHtml(title)}</h1>
${paragraphs(summary)}
${tiles === '' ? '' : `<dl class="tiles">${tiles}</dl>`}
${placed.length < 3 ? '' : `<nav aria-label="Sections"><ul>${placed.map(({ section, id }) => `<li><a href="#${id}">${escapeHtml(section.title)}</a></li>`).join('')}</ul></nav>`}
</header>
<main>
${body.join('\n')}
</main>
${footer === undefined ? '' : `<footer><p>${inlineCode(footer)}</p></footer>`}
</body>
</html>
`;
}
