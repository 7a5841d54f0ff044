import { numberAtStart, numbersOf } from '../metrics/numbers';
import { announcedAnswers, boxedAnswer, markedAnswer } from './answer-marks';
import { answerScope, withoutMarkup } from './answer-scope';

/**
 * The number that an output answers with, in one writing (`$1,200.50` → `1200.5`); null where there is none. In this
 * order: the number right after the first answer mark, that of the last `\boxed{}`, one that is announced (`the answer is
 * 18`), and else the last number. A number that stands in Markdown's headings, in the numbers of steps or after the model
 * asked itself another question is none of these.
 */
export function numberAnswer(output: string | null): string | null {
  if (output === null) return null;
  const scope = answerScope(output);
  if (scope === null) return null;
  const text = withoutMarkup(scope.text);
  // Of a bare answer, such as a conclusion, the first number: "18 dollars in 2 days".
  if (scope.bare) return valueOf(text) ?? numbersOf(text)[0] ?? null;
  const marked = markedAnswer(text);
  const atMark = marked === null ? null : valueOf(marked);
  if (atMark !== null) return atMark;
  const boxed = boxedAnswer(scope.text);
  const inBox = boxed === null ? null : numberInBox(withoutMarkup(boxed));
  if (inBox !== null) return inBox;
  return announcedNumber(text) ?? numbersOf(withoutSteps(text)).at(-1) ?? numbersOf(text).at(-1) ?? null;
}

/**
 * The number of a text: after its answer mark only, as lm-evaluation-harness's `strict-match`, or wherever it answers, as
 * {@link numberAnswer} finds it. Null where there is none.
 */
export function numericAnswer({
  text,
  flexible = false,
}: {
  text: string;
  /** Whether a text without a mark may answer. @default false */ flexible?: boolean;
}): string | null {
  if (flexible) return numberAnswer(text);
  const scope = answerScope(text);
  const marked = scope === null ? null : markedAnswer(withoutMarkup(scope.text));
  return marked === null ? null : valueOf(marked);
}

/** A number or fraction at the start of a text; here thousands may be apart by plain spaces too. */
function valueOf(given: string): string | null {
  const text = given.replace(
    /^(\D*\d{1,3})((?: \d{3})+)(?![\d.,]*\d)/,
    (_, first: string, groups: string) => first + groups.replaceAll(' ', ''),
  );
  const first = numberAtStart(text);
  if (first === null) return null;
  const below = /^\D*[\d.,]+\s*\/\s*(\d+)(?![\d.])/.exec(text)?.[1];
  return below === undefined ? first : `${first}/${below}`;
}

/** `x = 18`, `18 dollars`, `3/4`. */
function numberInBox(box: string): string | null {
  const side = box.slice(box.lastIndexOf('=') + 1);
  return valueOf(side) ?? numbersOf(side).at(-1) ?? numbersOf(box).at(-1) ?? null;
}

/** The last number that is announced as the answer. What is announced as a calculation or opens a longer text is not. */
function announcedNumber(text: string): string | null {
  for (const announced of announcedAnswers(text).reverse()) {
    const line = announced.split(/[.!?](?:\s|$)/)[0] as string;
    if (line.includes('=')) {
      const side = numbersOf(line.slice(line.lastIndexOf('=') + 1));
      if (side.length > 0 && line === announced.replace(/[.!?]\s*$/, '') && text.trimEnd().endsWith(announced))
        return side[0] as string;
      continue;
    }
    const found = numberAtStart(line);
    if (found === null || /^\D*[\d.,]+\s*[-+*/×÷·^]\s*[\d($]/u.test(line)) continue;
    // "Answer: 48 clips were sold in April." opens a chain; "Answer: 18 dollars" is one.
    if (
      line
        .replace(/^\D*[\d.,]+/, '')
        .split(/\s+/)
        .filter(Boolean).length <= 4
    )
      return found;
  }
  return null;
}

/** A text without the numbers that count its steps: `### Step 2`, `2. Add`, `Part 3:`. */
function withoutSteps(text: string): string {
  return text.replace(
    /^[ \t]*(?:#{1,6}[ \t]*)?(?:\(?\d{1,3}[.)][ \t]+(?=\S)|(?:step|part)[ \t]+\d{1,3}\b[:.]?)/gim,
    '',
  );
}
