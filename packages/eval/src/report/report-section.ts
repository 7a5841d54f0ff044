import { escapeHtml } from '@subtext/decoder/cards';

const brand: unique symbol = Symbol.for('subtext.eval.report-section');

/** One part of a report. Only the section builders make it, so that all its text is escaped. */
export interface ReportSection {
  readonly title: string;
  /** The section's body without its heading. */
  readonly html: string;
  readonly [brand]: true;
}

/** For the builders of this folder: the html must be escaped already. */
export function makeSection({ title, html }: { title: string; html: string }): ReportSection {
  return { title, html, [brand]: true };
}

/** True for sections made by the builders. */
export function isReportSection(value: unknown): value is ReportSection {
  return typeof value === 'object' && value !== null && brand in value;
}

/** Paragraphs of escaped text; a blank line starts a new paragraph, and `code` between backticks is set as code. */
export function paragraphs(text: string | string[]): string {
  const parts = (Array.isArray(text) ? text : [text]).flatMap((part) => part.split(/\n\s*\n/));
  return parts
    .filter((part) => part.trim() !== '')
    .map((part) => `<p>${inlineCode(part.trim())}</p>`)
    .join('\n');
}

/** Escapes a text and sets what stands between backticks as code. */
export function inlineCode(text: string): string {
  return escapeHtml(text).replace(/`([^`\n]+)`/g, '<code>$1</code>');
}
