import { escapeHtml } from './escape-html';
import { type CardPicture, pictureCard } from './picture-card';
import { markWordDifferences } from './word-difference';

/** A decoded thought beside the true stage. */
export interface CardThought {
  /** Name of the stage, such as `caption`. */
  stage: string;
  /** The interpreter's decoding of the thought; null if no interpreter ran. */
  reading: string | null;
  /** The stage's true text; null if the data has none. */
  truth: string | null;
  /** An image drawn from the thought. @default none */
  drawing?: CardPicture;
  /** Answers with other thoughts swapped in. @default none */
  changes?: CardChange[];
  /** A short metric, such as `facts 3 of 4`. @default none */
  note?: string;
}

/** The answer with other thoughts swapped in for a stage's own. */
export interface CardChange {
  /** What was swapped in, such as `the caption of test-7`. */
  change: string;
  /** Null if no answer could be parsed. */
  answer: string | null;
  /** The answer implied by the swapped-in thoughts; null if unknown. */
  expected: string | null;
  /** Whether the answer is the implied one. */
  follows: boolean;
}

/**
 * Renders a thought as HTML: its decoding beside the truth, with differing words marked, and the effect of changing it.
 */
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
