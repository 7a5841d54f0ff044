import type { ReasoningExample } from '@subtext/data';
import { multipleChoiceLetter, yesOrNo, type Choices } from '../metrics/multiple-choice';
import { beforeNextQuestion } from './answer-scope';

/** A named rule that takes the answer out of a whole output and scores it, as lm-evaluation-harness has several to a task. */
export interface AnswerFilter {
  /** As results name it: `exact_match,strict-match`. */
  name: string;
  /** What it takes, and after whom. */
  description: string;
  /** `extracted` is null where it finds no answer. */
  score(options: { output: string; example: ReasoningExample }): { extracted: string | null; correct: boolean };
}

function filterOf({
  name,
  description,
  extract,
  same,
}: {
  name: string;
  description: string;
  extract: (output: string) => string | null;
  same: (extracted: string, answer: string) => boolean;
}): AnswerFilter {
  return {
    name,
    description,
    score: ({ output, example }) => {
      const extracted = extract(output);
      return { extracted, correct: extracted !== null && same(extracted, example.answer) };
    },
  };
}

/** The harness's exact match of GSM8K: commas, dollar signs, a final full stop and letter case do not count. */
function harnessMatch(extracted: string, answer: string): boolean {
  const written = (text: string) => text.replace(/,|\$|[^]*#### |\.$/g, '').toLowerCase();
  return written(extracted) === written(answer);
}

/** lm-evaluation-harness's `strict-match` of GSM8K (`gsm8k.yaml`): the number after the first `#### `. */
export const strictMatch = filterOf({
  name: 'strict-match',
  description: 'lm-evaluation-harness: the number right after the first `#### `',
  extract: (output) => /#### (-?[0-9.,]+)/.exec(beforeNextQuestion(output))?.[1] ?? null,
  same: harnessMatch,
});

/** lm-evaluation-harness's `flexible-extract` of GSM8K: the last number, however it is written. */
export const flexibleExtract = filterOf({
  name: 'flexible-extract',
  description: 'lm-evaluation-harness: the last number of the output',
  extract: (output) =>
    [...beforeNextQuestion(output).matchAll(/(-?[$0-9.,]{2,})|(-?[0-9]+)/g)].at(-1)?.[0].trim() ?? null,
  same: harnessMatch,
});

/** Coconut's own rule (`run.py`): what follows the last `#` of the output, commas aside, letter for letter. */
export const coconutMark = filterOf({
  name: 'coconut',
  description: "Coconut's run.py: what follows the last `#`",
  extract: (output) => output.split('#').at(-1)?.replaceAll(',', '').trim() || null,
  same: (extracted, answer) => extracted === answer.replaceAll(',', '').trim(),
});

/** VLMEvalKit's `can_infer` on the whole output, its quirks kept; what it cannot infer goes to a judge there and is unparseable here. */
export function vlmEvalKit(choicesOf: (example: ReasoningExample) => Choices | null): AnswerFilter {
  return {
    name: 'vlmevalkit',
    description: "VLMEvalKit's can_infer on the whole output",
    score: ({ output, example }) => {
      const extracted = multipleChoiceLetter({ text: output, choices: choicesOf(example) ?? {} });
      return { extracted, correct: extracted === example.answer };
    },
  };
}

/** VLMEvalKit's `YOrN_Extraction` on the whole output. */
export const vlmEvalKitYesOrNo = filterOf({
  name: 'vlmevalkit',
  description: "VLMEvalKit's YOrN_Extraction on the whole output",
  extract: yesOrNo,
  same: (extracted, answer) => extracted.toLowerCase() === answer.toLowerCase(),
});
