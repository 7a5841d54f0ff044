import type { ReasoningExample } from '@subtext/data';
import { type Tokenizer, trainWordLevelTokenizer } from '@subtext/tokenizer';

import { linesFormat, type LayoutContext, type ReasoningFormat } from '../src/index';

/** A tokenizer for words a … z, digits and marks, with the special tokens given. */
export function smallTokenizer({ specialTokens = [] }: { specialTokens?: readonly string[] } = {}): Tokenizer {
  const words = 'the cat sat on a mat red blue it is so yes no ### 0 1 2 3 4 5 6 7 8 9 + = ?';
  return trainWordLevelTokenizer({ texts: [` ${words} `, words.split(' ').join('\n')], specialTokens });
}

export function smallContext({
  specialTokens,
  format = linesFormat,
  prefix,
}: { specialTokens?: readonly string[]; format?: ReasoningFormat; prefix?: string[] } = {}): LayoutContext {
  const tokenizer = smallTokenizer({ specialTokens });
  return {
    tokenizer,
    format,
    endId: tokenizer.idOf('</s>'),
    prefix: (prefix ?? ['<s>']).map((token) => tokenizer.idOf(token)),
  };
}

export const steppedExample: ReasoningExample = {
  id: 'one',
  question: 'is the cat red?',
  steps: [{ text: 'the cat sat on a mat' }, { text: 'the mat is blue' }, { text: 'so it is blue' }],
  answer: 'no',
};

export const stagedExample: ReasoningExample = {
  id: 'two',
  question: 'is the cat red?',
  steps: [
    { name: 'summary', text: 'the cat is red' },
    { name: 'caption', text: 'the red cat sat on the blue mat' },
    { name: 'reasoning', text: 'it is red so yes' },
  ],
  answer: 'yes',
};
