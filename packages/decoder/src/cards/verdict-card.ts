import { escapeHtml } from './escape-html';

/** What an audit says of a stage's thoughts. */
export interface CardVerdict {
  /** `used`, `partly used`, `not used`, `cannot tell`. */
  verdict: string;
  /** False where it could as well be its neighbour. */
  certain: boolean;
  /** What the verdict rests on, such as `follows`; null where nothing was measured. */
  measure: string | null;
  /** A share with its interval, each from 0 to 1; null like `measure`. */
  share: { value: number; interval: readonly [number, number] } | null;
}

const tones: Record<string, string> = { used: 'good', 'not used': 'bad' };
const percent = (value: number) => (100 * value).toFixed(0);

/** A verdict as HTML: in a few words, with the share that it rests on and its interval. */
export function verdictCard({ verdict, certain, measure, share }: CardVerdict): string {
  const tone = Object.hasOwn(tones, verdict) ? tones[verdict] : 'uncertain';
  const rests =
    share === null
      ? ''
      : ` <span class="interval">${escapeHtml(measure ?? '')} ${percent(share.value)} % [${share.interval.map(percent).join(', ')}]</span>`;
  return `<span class="verdict ${tone}" data-verdict="${escapeHtml(verdict)}">${escapeHtml(verdict)}${certain ? '' : ' (uncertain)'}</span>${rests}`;
}
