import type { Answer } from './answer';
import type { Reasoner } from './reasoner';

/** Where an answer begins in what was written. */
export interface AnswerStart {
  /** Prompt and response up to the mark that opens the answer, the mark included. */
  ids: number[];
  /** Whether the response has that mark; where not, `ids` is the whole response with the mark added. */
  found: boolean;
}

/** What stands before an answer: what is fed again to see what would be answered under other thoughts. */
export function answerStart({
  reasoner: { tokenizer, format },
  answer,
}: {
  reasoner: Pick<Reasoner, 'tokenizer' | 'format'>;
  answer: Pick<Answer, 'prompt' | 'ids' | 'thoughts' | 'finished'>;
}): AnswerStart {
  const { open } = format.answer;
  const mark = open === '' ? [] : tokenizer.encode(open, { addSpecialTokens: false }).ids;
  const lastThought = answer.thoughts.reduce((last, { position }) => Math.max(last, position), -1);
  const at = lastIndexOf({ ids: answer.ids, part: mark, from: lastThought + 1 });
  const content = answer.finished ? answer.ids.slice(0, -1) : answer.ids;
  const written = at < 0 ? [...content, ...mark] : answer.ids.slice(0, at + mark.length);
  return { ids: [...answer.prompt, ...written], found: at >= 0 };
}

/** Where the last occurrence of a part begins, at or after an index; −1 where there is none. An empty part is at the end. */
function lastIndexOf({ ids, part, from }: { ids: readonly number[]; part: readonly number[]; from: number }): number {
  for (let start = ids.length - part.length; start >= from; start--) {
    if (part.every((id, place) => ids[start + place] === id)) return start;
  }
  return -1;
}
