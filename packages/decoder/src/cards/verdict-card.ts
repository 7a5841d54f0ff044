import { escapeHtml } from './escape-html';

/** An audit's verdict on a stage's thoughts. */
export interface CardVerdict {
  /** `used`, `partly used`, `not used`, `cannot tell`. */
  verdict: string;
  /** False if the confidence interval does not rule out the neighbouring verdict. */
  certain: boolean;
  /** The metric behind the verdict, such as `follows`; null if nothing was measured. */
  measure: string | null;
  /** The metric's value and interval, each from 0 to 1; null like `measure`. */
  share: { value: number; interval: readonly [number, number] } | null;
}

const tones: Record<string, string> = { used: 'good', 'not used': 'bad' };
const percent = (value: number) => (100 * value).toFixed(0);

/** Renders a verdict as HTML, with the value it is based on and its interval. */
export function verdictCard({ verdict, certain, measure, share }: CardVerdict): string {
  const tone = Object.hasOwn(tones, verdict) ? tones[verdict] : 'uncertain';
  const rests =
    share === null
      ? ''
      : ` <span class="interval">${escapeHtml(measure ?? '')} ${percent(share.value)} % [${share.interval.map(percent).join(', ')}]</span>`;
  return `<span class="verdict ${tone}" data-verdict="${escapeHtml(verdict)}">${escapeHtml(verdict)}${certain ? '' : ' (uncertain)'}</span>${rests}`;
}
