import { escapeHtml } from '@subtext/decoder/cards';
import { inlineCode, makeSection, paragraphs, type ReportSection } from './report-section';

/** Options of {@link proseSection}. */
export interface ProseSectionOptions {
  title: string;
  /** Paragraphs; a blank line starts a new one, and text between backticks is set as code. @default none */
  text?: string | string[];
  /** Pairs of a name and its value, such as seed and engine. @default none */
  facts?: { name: string; value: string }[];
  /** Points of a list. @default none */
  list?: string[];
  /** A block of code or commands, kept as written. @default none */
  code?: string;
}

/** A section of text. */
export function proseSection({ title, text = [], facts = [], list = [], code }: ProseSectionOptions): ReportSection {
  const html = [
    paragraphs(text),
    facts.length === 0
      ? ''
      : `<dl class="facts">${facts.map(({ name, value }) => `<div><dt>${escapeHtml(name)}</dt><dd>${inlineCode(value)}</dd></div>`).join('')}</dl>`,
    list.length === 0 ? '' : `<ul>${list.map((point) => `<li>${inlineCode(point)}</li>`).join('')}</ul>`,
    code === undefined ? '' : `<pre tabindex="0"><code>${escapeHtml(code)}</code></pre>`,
  ];
  return makeSection({ title, html: html.filter((part) => part !== '').join('\n') });
}
