import { escapeHtml } from './escape-html';
import { type CardPicture, pictureCard } from './picture-card';
import { type CardThought, thoughtCard } from './thought-card';

/** A question with what a model made of it. */
export interface CardExample {
  /** Names the example, such as its id. */
  name: string;
  question: string;
  /** The model's answer; null where its output held none. */
  answer: string | null;
  /** The true answer. */
  expected: string;
  correct: boolean;
  /** @default none */
  image?: CardPicture;
  /** The thinking tokens as the tokenizer writes them, in order. @default none */
  thinkingTokens?: readonly string[];
  /** @default none */
  thoughts?: readonly CardThought[];
  /** The whole output as written, shown on demand. @default none */
  output?: string;
  /** Counts and times, such as `14 generated tokens`. @default none */
  counts?: readonly string[];
}

/**
 * An example as HTML, with picture, question, answer and each thought: in the galleries of reports and of the inspector. It
 * stands in an element of the class `cards`, on a page with `cardStyles`. All text is escaped.
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
