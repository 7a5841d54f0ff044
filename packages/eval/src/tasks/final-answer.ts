import { answerAfterHash } from '../metrics/exact-match';
import { stripForScoring } from '../metrics/strip-for-scoring';

/**
 * The final answer in an output, whichever way it was written: the text of the last `<CONCLUSION>`
 * (LLaVA-CoT, Heima), else what follows the last `#` (Coconut, GSM8K), else the whole text. Tags and
 * thinking tokens are taken off. Null for none.
 */
export function finalAnswer(output: string | null): string | null {
  if (output === null) return null;
  const open = output.lastIndexOf('<CONCLUSION>');
  if (open >= 0) {
    const rest = output.slice(open + '<CONCLUSION>'.length);
    const close = rest.indexOf('</CONCLUSION>');
    return strippedOrNull(close < 0 ? rest : rest.slice(0, close));
  }
  // Stages without a conclusion are an output that never came to its answer.
  if (/<\/?(?:SUMMARY|CAPTION|REASONING)>/.test(output)) return null;
  return output.includes('#') ? strippedOrNull(answerAfterHash(output) ?? '') : strippedOrNull(output);
}

function strippedOrNull(text: string): string | null {
  const stripped = stripForScoring({ text });
  return stripped === '' ? null : stripped;
}

/** The one of several words (or patterns) that a text holds whole, in any case; null where it holds none or more than one. */
export function onlyWord<Word extends string>(text: string, words: readonly Word[]): Word | null {
  const found = words.filter((word) => new RegExp(`(?<![\\p{L}\\p{N}])${word}(?![\\p{L}\\p{N}])`, 'iu').test(text));
  return found.length === 1 ? (found[0] as Word) : null;
}
