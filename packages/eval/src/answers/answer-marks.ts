import { numberAtStart } from '../metrics/numbers';

/** Words that open a heading, never an answer. */
const headingWords =
  /^(?:step|part|case|phase|stage|solution|explanation|analysis|reasoning|approach|method|summary|introduction|background|given|note|notes|observation|observations|calculation|calculations|understanding|understand|identify|identifying|find|finding|calculate|calculating|determine|determining|define|let|first|second|third|next|then|finally|what|why|how|which|conclusion|final answer|answer|result|response|verification|check|question|problem|options?|details?|context|thoughts?)\b/i;

/** An item's number, as in `#### 2. Add them up`: the heading of a step, not an answer. */
const itemNumber = /^\(?\d{1,3}[.):]\s+\S/;

/**
 * What follows the first answer mark: `####` (GSM8K, iCoT) at the start of a line or before a number, or `###` (Coconut)
 * at the start of a line. Markdown's headings begin the same way. A line counts as an answer where a number stands right
 * after the mark and is no item's number, or where nothing follows the line, or, after `####`, where it has no heading's
 * words. Null where there is none.
 */
export function markedAnswer(text: string): string | null {
  for (const { index, 0: whole, 1: start, 2: marks, 3: rest } of text.matchAll(
    /(^[ \t]*|\n[ \t]*|)(?<!#)(#{3,4})(?!#)[ \t]*([^\n]*)/g,
  )) {
    const atStart = index === 0 || start !== '';
    const answer = (rest as string).replace(/\s#+\s*$/, '').trim();
    if (!/[\p{L}\p{N}]/u.test(answer)) continue;
    const numeric = numberAtStart(answer) !== null && !itemNumber.test(answer);
    const full = marks === '####';
    if (numeric && (full || atStart)) return answer;
    if (!atStart) continue;
    const heading = headingWords.test(answer) || /[:?]$/.test(answer) || itemNumber.test(answer);
    const last = text.slice(index + whole.length).trim() === '';
    if (!heading && (full || last)) return answer;
  }
  return null;
}

/** The content of the last `\boxed{…}`, nested braces included; null without one. */
export function boxedAnswer(text: string): string | null {
  const open = Math.max(text.lastIndexOf('\\boxed{'), text.lastIndexOf('\\fbox{'));
  if (open < 0) return null;
  const start = text.indexOf('{', open) + 1;
  let depth = 1;
  for (let place = start; place < text.length; place++) {
    if (text[place] === '{') depth += 1;
    else if (text[place] === '}' && --depth === 0) return text.slice(start, place).trim() || null;
  }
  return text.slice(start).trim() || null;
}

/** `answer: X`, `the answer is X`, a heading `Answer` or `Final answer` with X below it. */
const announcement =
  /(?<![\p{L}\p{N}])(?:(?:final|correct|right|best)[ \t]+)?(?:answer|option|choice)(?:[ \t]+(?:is|would be|must be)(?:[ \t]*:)?|[ \t]*(?:\*\*|__)?[ \t]*[:=])[ \t]*(?:\*\*|__)?[ \t]*\n{0,3}[ \t]*([^\n]+)|(?<=(?:^|\n)[ \t]*)(?:#{1,6}[ \t]*)(?:\*\*|__)?(?:(?:the|my|final|correct)[ \t]+){0,2}(?:answer|conclusion|result)(?:\*\*|__)?[ \t]*\n\s*([^\n]+)|(?<=(?:^|\n)[ \t]*)(?:\*\*|__)(?:(?:the|my|final|correct)[ \t]+){0,2}(?:answer|conclusion|result)(?:\*\*|__)[ \t]*\n\s*([^\n]+)/giu;

/** What a text announces as its answer, in the order of the text. */
export function announcedAnswers(text: string): string[] {
  return [...text.matchAll(announcement)]
    .map((match) => (match[1] ?? match[2] ?? match[3] ?? '').trim())
    .filter((answer) => /[\p{L}\p{N}]/u.test(answer));
}
