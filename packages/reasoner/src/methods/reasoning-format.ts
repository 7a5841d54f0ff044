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

/** A graph question's answer: `[A] target` (Ber666/reasoning-by-superposition). Its chain has no marks. */
export const graphFormat: ReasoningFormat = {
  name: 'graph',
  step: () => ({ open: '', close: '' }),
  answer: { open: ANSWER_MARK, close: '' },
  tags: () => [],
};

/** Formats by name. A new format is one constant and one line here. */
export const reasoningFormats: Record<string, ReasoningFormat> = {
  [taggedFormat.name]: taggedFormat,
  [linesFormat.name]: linesFormat,
  [graphFormat.name]: graphFormat,
};
