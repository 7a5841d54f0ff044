import type { ReasoningFormat } from '../methods/reasoning-format';
import type { Thought } from '../session/thought';

/** One stage of a response. */
export interface AnswerStage {
  name: string;
  /** Its text; undefined where it is hidden in thoughts. */
  text?: string;
  /** How many thoughts stand for it. */
  thoughts: number;
}

/** What a reasoner answered. */
export interface Answer {
  /** The whole response as text, tags and thinking tokens included. */
  text: string;
  /** The answer between its marks; undefined where the response has none: such a response counts as wrong. */
  answer?: string;
  stages: AnswerStage[];
  thoughts: Thought[];
  /** Ids of the prompt, without places of thoughts that the model did not take (method `adaptive`). */
  prompt: number[];
  /** The generated ids, the end included. */
  ids: number[];
  tokens: {
    /** All generated tokens, with tags, thinking tokens, continuous thoughts and the end. */
    generated: number;
    /** Without the stages' tags: how the paper counts. */
    withoutTags: number;
    /** Thoughts: thinking tokens, continuous thoughts and pauses. */
    thinking: number;
  };
  /** Passes through the model, the prompt's and one for each continuous thought among them; fewer than tokens where a draft was kept. */
  passes: number;
  /** Whether the response ended by itself. */
  finished: boolean;
  /** Of a recurrent reasoner, what it said after each recurrence: the last one's is the answer. */
  recurrences?: {
    answer: string;
    /** The probability that the model gives to this answer being right. */
    right: number;
    /** How far the state moved in this recurrence, as a share of its norm. */
    moved: number;
  }[];
}

/** The text between two marks, from an offset on; undefined where a mark is missing. */
function between({ text, open, close }: { text: string; open: string; close: string }): string | undefined {
  const start = open === '' ? 0 : text.lastIndexOf(open);
  if (start < 0) return undefined;
  const from = start + open.length;
  const end = close === '' ? text.length : text.indexOf(close, from);
  return end < 0 ? undefined : text.slice(from, end).trim();
}

/** The answer of a response: what stands between the format's marks. Undefined where it cannot be parsed. */
export function parseAnswer({ text, format }: { text: string; format: ReasoningFormat }): string | undefined {
  const answer = between({ text, ...format.answer });
  return answer === undefined || answer === '' ? undefined : answer;
}

/** The text of a stage in a response, where the format has marks for stages. */
export function parseStage({
  text,
  name,
  index,
  format,
}: {
  text: string;
  name: string;
  index: number;
  format: ReasoningFormat;
}): string | undefined {
  const marks = format.step({ name, index });
  return marks.open === '' ? undefined : between({ text, ...marks });
}
