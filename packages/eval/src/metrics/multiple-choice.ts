import { splitWords } from './text-pieces';

/** Options by their letters: `{ A: 'a red circle', B: '…' }`. */
export type Choices = Readonly<Record<string, string>>;

/** Answers that VLMEvalKit counts as a refusal. */
const refusals = [
  "Sorry, I can't help with images of people yet.",
  "I can't process this file.",
  "I'm sorry, but without the image provided",
  'Cannot determine the answer',
];

/**
 * The letter a text answers with, by VLMEvalKit's rules (`can_infer`): a letter that stands alone, the
 * only one of the options and among the last five words; or `answer is X`; or the only option whose
 * words the text holds. `Z` says that the model refused or chose none; null that the rules find nothing.
 * Its quirks are kept, so that scores compare: "the answer is a dog" gives A, as the original looks at no
 * more than the next letter.
 *
 * Source: VLMEvalKit, `vlmeval/utils/matching_util.py`.
 */
export function multipleChoiceLetter({ text, choices }: { text: string; choices: Choices }): string | null {
  return letterAlone(text, choices) ?? letterOfWords(text, choices);
}

function letterAlone(text: string, choices: Choices): string | null {
  if (text.includes('Failed to obtain answer via API')) return null;
  if (refusals.some((refusal) => text.includes(refusal))) return 'Z';
  const words = splitWords(text.replace(/[.()[\],:;!*#{}]/g, ' '));
  const letters = Object.keys(choices).filter((letter) => words.includes(letter));
  if (letters.length === 1) {
    const letter = letters[0] as string;
    if (words.indexOf(letter) > words.length - 5) return letter;
  } else if (letters.length === 0 && words.includes('Z')) {
    return 'Z';
  }
  const told = /(?:correct\s+)?answer\s+is\s+\**([ABCD])\**/i.exec(text)?.[1]?.toUpperCase();
  return told !== undefined && told in choices ? told : null;
}

function letterOfWords(text: string, choices: Choices): string | null {
  const lower = text.toLowerCase();
  const size = (value: string) => Array.from(value).length;
  // A text much longer than the options together speaks of more than its answer.
  if (size(lower) > 2 * Object.values(choices).reduce((sum, choice) => sum + size(choice), 0)) return null;
  const named = Object.entries(choices).filter(([, choice]) => lower.includes(choice.toLowerCase()));
  return named.length === 1 ? (named[0] as [string, string])[0] : null;
}

const marks = [
  ';',
  '/',
  '[',
  ']',
  '"',
  '{',
  '}',
  '(',
  ')',
  '=',
  '+',
  '\\',
  '_',
  '-',
  '>',
  '<',
  '@',
  '`',
  ',',
  '?',
  '!',
];

/**
 * `Yes` or `No` where a text holds one of the words and not the other, by VLMEvalKit's rules
 * (`YOrN_Extraction`); null where it holds both or neither.
 */
export function yesOrNo(text: string): 'Yes' | 'No' | null {
  const lower = text.toLowerCase();
  let plain = lower;
  for (const mark of marks) {
    const alone = lower.includes(`${mark} `) || lower.includes(` ${mark}`) || /\p{Nd},\p{Nd}/u.test(lower);
    plain = plain.replaceAll(mark, alone ? '' : ' ');
  }
  // The original passes a flag where the count stands, so that it takes out the first 32 full stops only.
  let stops = 0;
  plain = plain.replace(/(?<!\p{Nd})\.(?!\p{Nd})/gu, (stop) => (stops++ < 32 ? '' : stop));
  const words = splitWords(plain);
  const yes = words.includes('yes');
  const no = words.includes('no');
  return yes === no ? null : yes ? 'Yes' : 'No';
}
