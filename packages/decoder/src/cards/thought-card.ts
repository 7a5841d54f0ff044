import { escapeHtml } from './escape-html';
import { type CardPicture, pictureCard } from './picture-card';
import { markWordDifferences } from './word-difference';

/** A thought in words beside the stage it stands for. */
export interface CardThought {
  /** Name of the stage, such as `caption`. */
  stage: string;
  /** What the interpreter read from the thought; null where no interpreter ran. */
  reading: string | null;
  /** The stage's true text; null where the data has none. */
  truth: string | null;
  /** What a drawer drew of the thought. @default none */
  drawing?: CardPicture;
  /** What is answered with other thoughts in this one's place. @default none */
  changes?: CardChange[];
  /** A short measure, such as `facts 3 of 4`. @default none */
  note?: string;
}

/** What is answered with other thoughts in place of a stage's own. */
export interface CardChange {
  /** What stands in their place, such as `the caption of test-7`. */
  change: string;
  /** Null where no answer could be read. */
  answer: string | null;
  /** The answer that follows; null where nobody knows. */
  expected: string | null;
  /** Whether the answer is the one that follows. */
  follows: boolean;
}

/** A thought as HTML: what is read of it beside the truth, the words marked in which they differ, and what changing it does. */
export function thoughtCard({ stage, reading, truth, drawing, changes = [], note }: CardThought): string {
  const marked =
    reading !== null && truth !== null
      ? markWordDifferences({ reading, truth })
      : { reading: reading === null ? null : escapeHtml(reading), truth: truth === null ? null : escapeHtml(truth) };
  const drawn =
    drawing === undefined
      ? ''
      : `<figure class="drawing"><figcaption>drawn from the thought</figcaption>${pictureCard(drawing)}</figure>`;
  return `<section class="thought"><h4>${escapeHtml(stage)}${note === undefined ? '' : ` <span class="interval">${escapeHtml(note)}</span>`}</h4>
<div class="pair"><div><h5>read from the thought</h5><p>${marked.reading ?? '<em>not read</em>'}</p></div><div><h5>true stage</h5><p>${marked.truth ?? '<em>none in the data</em>'}</p></div></div>${drawn}${changes.length === 0 ? '' : `<ul class="changes">${changes.map(changeLine).join('')}</ul>`}</section>`;
}

function changeLine({ change, answer, expected, follows }: CardChange): string {
  const said = answer === null ? '<em>no answer could be read</em>' : `<strong>${escapeHtml(answer)}</strong>`;
  const mark = follows
    ? '<span class="good"><span aria-hidden="true">✓</span> follows</span>'
    : `<span class="bad"><span aria-hidden="true">✗</span> ${expected === null ? 'unknown what follows' : `would be ${escapeHtml(expected)}`}</span>`;
  return `<li>with ${escapeHtml(change)}: ${said} ${mark}</li>`;
}
