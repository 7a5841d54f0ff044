import { stripForScoring } from '../metrics/strip-for-scoring';
import { announcedAnswers, boxedAnswer, markedAnswer } from './answer-marks';
import { answerScope, withoutMarkup } from './answer-scope';

/**
 * The final answer in an output, whichever way it was written: the last `<CONCLUSION>` (LLaVA-CoT, Heima), the text after
 * an answer mark (`####`; `###` at the start of a line), the last `\boxed{}`, what is announced (`The answer is …`, a
 * heading `Answer`), else the whole text. Tags, thinking tokens and emphasis are taken off. Null for none.
 */
export function finalAnswer(output: string | null): string | null {
  const scope = output === null ? null : answerScope(output);
  if (scope === null) return null;
  if (scope.bare) return strippedOrNull(scope.text);
  const text = stripForScoringByLine(scope.text);
  const boxed = boxedAnswer(text);
  const announced = announcedAnswers(text).at(-1);
  const found = markedAnswer(text) ?? boxed ?? (announced === undefined ? null : sentence(announced)) ?? text;
  return strippedOrNull(withoutMarkup(found));
}

/** The first sentence: "red. It is at the top" answers red. */
function sentence(text: string): string {
  return /^(.*?[\p{L}\p{N}*_)"'”’]{2,}[.!?])\s+\p{Lu}/su.exec(text)?.[1] ?? text;
}

/** Lines stay apart: marks are told by where they stand. */
function stripForScoringByLine(text: string): string {
  return text
    .split('\n')
    .map((line) => stripForScoring({ text: line }))
    .join('\n');
}

function strippedOrNull(text: string): string | null {
  const stripped = stripForScoring({ text });
  return stripped === '' ? null : stripped;
}
