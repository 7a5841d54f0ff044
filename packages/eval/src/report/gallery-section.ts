import { normalizeAnswer } from '@subtext/data';

import { EvaluationError } from '../errors';
import { escapeHtml } from './escape-html';
import { imageSize, imageSource, type ReportImage } from './image-source';
import { inlineCode, makeSection, paragraphs, type ReportSection } from './report-section';
import { markWordDifferences } from './word-difference';

/** A thought in words beside the stage it stands for. */
export interface GalleryThought {
  /** Name of the stage, such as `caption`. */
  stage: string;
  /** What the interpreter read from the thought; null where no interpreter ran. */
  reading: string | null;
  /** The stage's true text; null where the data has none. */
  truth: string | null;
  /** What a drawer drew of the thought. @default none */
  drawing?: ReportImage;
  /** What is answered with other thoughts in this one's place. @default none */
  changes?: GalleryChange[];
  /** A short measure, such as `facts 3 of 4`. @default none */
  note?: string;
}

/** What is answered with other thoughts in place of a stage's own. */
export interface GalleryChange {
  /** What stands in their place, such as `the caption of test-7`. */
  change: string;
  /** Null where no answer could be read. */
  answer: string | null;
  /** The answer that follows; null where nobody knows. */
  expected: string | null;
}

/** One example of a gallery. */
export interface GalleryItem {
  question: string;
  /** The model's answer; null where its output held none. */
  answer: string | null;
  /** The true answer. */
  expected: string;
  correct: boolean;
  /** @default none */
  image?: ReportImage;
  /** The thinking tokens as the tokenizer writes them, in order. @default none */
  thinkingTokens?: string[];
  /** @default none */
  thoughts?: GalleryThought[];
  /** The whole output as written, shown on demand. @default none */
  output?: string;
  /** Counts and times, such as `14 generated tokens`. @default none */
  counts?: string[];
  /** Names the example, such as its id. @default the number in the gallery */
  name?: string;
}

/** Options of {@link gallerySection}. */
export interface GallerySectionOptions {
  title: string;
  /** How the examples were chosen. */
  caption: string;
  items: GalleryItem[];
  /** Text before the gallery. @default none */
  text?: string | string[];
}

/**
 * Examples with picture, question, answer, thinking tokens and each thought in words beside the true
 * stage. Right and wrong ones stand together; a control without scripts shows one kind alone.
 *
 * @throws EvaluationError invalid-image for a picture that cannot stand in the page.
 */
export function gallerySection({ title, caption, items, text = [] }: GallerySectionOptions): ReportSection {
  if (items.length === 0) {
    throw new EvaluationError({
      code: 'empty-set',
      message: `Gallery "${title}": no examples; leave the section out, or give some.`,
    });
  }
  const right = items.filter((item) => item.correct).length;
  const name = `show-${slug(title)}`;
  const choice = (value: string, label: string, checked: boolean) =>
    `<label><input type="radio" name="${name}" class="show-${value}"${checked ? ' checked' : ''}> ${label}</label>`;
  const html = `${paragraphs(text)}
<div class="gallery">
<p>${inlineCode(caption)}</p>
<fieldset class="choice"><legend>Show</legend>${choice('all', `all ${items.length}`, true)}${choice('right', `right ${right}`, false)}${choice('wrong', `wrong ${items.length - right}`, false)}</fieldset>
${items.map(renderItem).join('\n')}
</div>`;
  return makeSection({ title, html });
}

function renderItem(item: GalleryItem, index: number): string {
  const image = item.image === undefined ? '' : renderPicture(item.image);
  const answer = item.answer === null ? '<em>no answer could be read</em>' : escapeHtml(item.answer);
  const tokens = (item.thinkingTokens ?? [])
    .map((token) => `<code class="token">${escapeHtml(token)}</code>`)
    .join(' ');
  const counts = (item.counts ?? []).map((count) => `<li>${inlineCode(count)}</li>`).join('');
  return `<article class="example ${item.correct ? 'right-answer' : 'wrong-answer'}">
<header><h3 class="name">${escapeHtml(item.name ?? String(index + 1))}</h3> <span class="verdict ${item.correct ? 'good' : 'bad'}"><span aria-hidden="true">${item.correct ? '✓' : '✗'}</span> ${item.correct ? 'right' : 'wrong'}</span></header>
<div class="example-body">
${image}
<div class="example-text">
<dl>
<div><dt>Question</dt><dd>${escapeHtml(item.question)}</dd></div>
<div><dt>Answer</dt><dd><strong>${answer}</strong></dd></div>
${item.correct ? '' : `<div><dt>True answer</dt><dd><strong>${escapeHtml(item.expected)}</strong></dd></div>`}
${tokens === '' ? '' : `<div><dt>Thinking tokens</dt><dd>${tokens}</dd></div>`}
</dl>
${counts === '' ? '' : `<ul class="counts">${counts}</ul>`}
</div>
</div>
${(item.thoughts ?? []).map(renderThought).join('\n')}
${item.output === undefined ? '' : `<details><summary>The whole output</summary><pre tabindex="0">${escapeHtml(item.output)}</pre></details>`}
</article>`;
}

function renderPicture(image: ReportImage): string {
  return `<img class="picture${image.pixelated === true ? ' pixelated' : ''}" src="${imageSource(image)}" alt="${escapeHtml(image.alternativeText)}"${sizeOf(image)}>`;
}

function renderThought({ stage, reading, truth, drawing, changes = [], note }: GalleryThought): string {
  const marked =
    reading !== null && truth !== null
      ? markWordDifferences({ reading, truth })
      : { reading: reading === null ? null : escapeHtml(reading), truth: truth === null ? null : escapeHtml(truth) };
  const drawn =
    drawing === undefined
      ? ''
      : `<figure class="drawing"><figcaption>drawn from the thought</figcaption>${renderPicture(drawing)}</figure>`;
  return `<section class="thought"><h4>${escapeHtml(stage)}${note === undefined ? '' : ` <span class="interval">${inlineCode(note)}</span>`}</h4>
<div class="pair"><div><h5>read from the thought</h5><p>${marked.reading ?? '<em>not read</em>'}</p></div><div><h5>true stage</h5><p>${marked.truth ?? '<em>none in the data</em>'}</p></div></div>${drawn}${changes.length === 0 ? '' : `<ul class="changes">${changes.map(renderChange).join('')}</ul>`}</section>`;
}

function renderChange({ change, answer, expected }: GalleryChange): string {
  const said = answer === null ? '<em>no answer could be read</em>' : `<strong>${escapeHtml(answer)}</strong>`;
  const follows = answer !== null && expected !== null && normalizeAnswer(answer) === normalizeAnswer(expected);
  const mark = follows
    ? '<span class="good"><span aria-hidden="true">✓</span> follows</span>'
    : `<span class="bad"><span aria-hidden="true">✗</span> ${expected === null ? 'unknown what follows' : `would be ${escapeHtml(expected)}`}</span>`;
  return `<li>with ${escapeHtml(change)}: ${said} ${mark}</li>`;
}

/** A name that can stand in an id. */
export function slug(text: string): string {
  const plain = text
    .toLowerCase()
    .normalize('NFKD')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return plain === '' ? 'section' : plain;
}

/** Attributes that keep a picture's place before it is decoded. */
function sizeOf(image: ReportImage): string {
  const size = imageSize(image);
  return size === undefined ? '' : ` width="${size.width}" height="${size.height}"`;
}
