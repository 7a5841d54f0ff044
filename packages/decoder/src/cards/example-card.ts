import { escapeHtml } from './escape-html';
import { type CardPicture, pictureCard } from './picture-card';
import { type CardThought, thoughtCard } from './thought-card';

/** A question with a model's output. */
export interface CardExample {
  /** Name of the example, such as its id. */
  name: string;
  question: string;
  /** The model's answer; null if none could be parsed. */
  answer: string | null;
  /** The true answer. */
  expected: string;
  correct: boolean;
  /** @default none */
  image?: CardPicture;
  /** The thinking tokens as text, in order. @default none */
  thinkingTokens?: readonly string[];
  /** @default none */
  thoughts?: readonly CardThought[];
  /** The full output, shown on demand. @default none */
  output?: string;
  /** Counts and times, such as `14 generated tokens`. @default none */
  counts?: readonly string[];
}

/**
 * Renders an example as HTML, with image, question, answer and each thought, for the galleries of reports and the
 * inspector. Place it in an element of class `cards`, on a page with `cardStyles`. All text is escaped.
 */
export function exampleCard({
  name,
  question,
  answer,
  expected,
  correct,
  image,
  thinkingTokens = [],
  thoughts = [],
  output,
  counts = [],
}: CardExample): string {
  const said = answer === null ? '<em>no answer could be read</em>' : escapeHtml(answer);
  const tokens = thinkingTokens.map((token) => `<code class="token">${escapeHtml(token)}</code>`).join(' ');
  const counted = counts.map((count) => `<li>${escapeHtml(count)}</li>`).join('');
  return `<article class="example ${correct ? 'right-answer' : 'wrong-answer'}">
<header><h3 class="name">${escapeHtml(name)}</h3> <span class="verdict ${correct ? 'good' : 'bad'}"><span aria-hidden="true">${correct ? '✓' : '✗'}</span> ${correct ? 'right' : 'wrong'}</span></header>
<div class="example-body">
${image === undefined ? '' : pictureCard(image)}
<div class="example-text">
<dl>
<div><dt>Question</dt><dd>${escapeHtml(question)}</dd></div>
<div><dt>Answer</dt><dd><strong>${said}</strong></dd></div>
${correct ? '' : `<div><dt>True answer</dt><dd><strong>${escapeHtml(expected)}</strong></dd></div>`}
${tokens === '' ? '' : `<div><dt>Thinking tokens</dt><dd>${tokens}</dd></div>`}
</dl>
${counted === '' ? '' : `<ul class="counts">${counted}</ul>`}
</div>
</div>
${thoughts.map(thoughtCard).join('\n')}
${output === undefined ? '' : `<details><summary>The whole output</summary><pre tabindex="0">${escapeHtml(output)}</pre></details>`}
</article>`;
}
