import { ownValue } from '@subtext/core';

import { ReasonerError } from '../errors';
import { ANSWER_MARK } from '../graphs/graph-vocabulary';

/** How a chain of steps and an answer are written as text, so that one method serves several data sets. */
export interface ReasoningFormat {
  readonly name: string;
  /** The marks around a step's text. Tags stay when the text between them is hidden. */
  step(options: { name: string; index: number }): { open: string; close: string };
  /** The marks around the question. @default none */
  readonly question?: { open: string; close: string };
  /** The marks around the answer. */
  readonly answer: { open: string; close: string };
  /**
   * Whether a question, a step and an answer are each tokenized as one text with their marks, which may merge with it
   * ("?" and a line feed are one token of Llama 3). @default false: marks are always the same tokens
   */
  readonly joined?: boolean;
  /** Marks that count as tags, not as content, when generated tokens are counted. */
  tags(options: { stages: readonly string[] }): string[];
}

/** LLaVA-CoT's stages: `<SUMMARY> … </SUMMARY> … <CONCLUSION> … </CONCLUSION>` (arXiv 2411.10440, Heima's data). */
export const taggedFormat: ReasoningFormat = {
  name: 'tagged',
  step: ({ name }) => ({ open: `<${name.toUpperCase()}>`, close: `</${name.toUpperCase()}>` }),
  answer: { open: '<CONCLUSION>', close: '</CONCLUSION>' },
  tags: ({ stages }) =>
    [...stages, 'conclusion'].flatMap((name) => [`<${name.toUpperCase()}>`, `</${name.toUpperCase()}>`]),
};

/** Coconut's lines: the question and each step with a line feed, then `### answer` (facebookresearch/coconut, dataset.py). */
export const linesFormat: ReasoningFormat = {
  name: 'lines',
  question: { open: '', close: '\n' },
  step: () => ({ open: '', close: '\n' }),
  answer: { open: '### ', close: '' },
  tags: () => [],
};

/** As {@link linesFormat}, with the very ids of Coconut's release: each line is tokenized whole. */
export const coconutFormat: ReasoningFormat = { ...linesFormat, name: 'coconut', joined: true };

/** CODI's texts (zhenyi4/codi, train.py): the question alone, steps with spaces between them, `The answer is: answer`. */
export const codiFormat: ReasoningFormat = {
  name: 'codi',
  joined: true,
  step: ({ index }) => ({ open: index === 0 ? '' : ' ', close: '' }),
  answer: { open: 'The answer is: ', close: '' },
  tags: () => [],
};

/** A graph question's answer: `[A] target` (Ber666/reasoning-by-superposition). Its chain has no marks. */
const graphFormat: ReasoningFormat = {
  name: 'graph',
  step: () => ({ open: '', close: '' }),
  answer: { open: ANSWER_MARK, close: '' },
  tags: () => [],
};

/** Formats by name. A new format is one constant and one line here. */
export const reasoningFormats: Record<string, ReasoningFormat> = {
  [taggedFormat.name]: taggedFormat,
  [linesFormat.name]: linesFormat,
  [coconutFormat.name]: coconutFormat,
  [codiFormat.name]: codiFormat,
  [graphFormat.name]: graphFormat,
};

/** The format by name. Throws `invalid-option`. */
export function formatNamed(name: string): ReasoningFormat {
  const format = ownValue(reasoningFormats, name);
  if (format) return format;
  throw new ReasonerError({
    code: 'invalid-option',
    message: `There is no reasoning format "${name}". Take one of: ${Object.keys(reasoningFormats).join(', ')}.`,
  });
}
