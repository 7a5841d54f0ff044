import type { Answer, Question, Reasoner } from '@subtext/reasoner';

import { tokenText } from './read-tokens';
import type { Trace } from './trace';

/**
 * The trace of a recurrent reasoner's answer: its question, and what it said after each recurrence. Every position sees every
 * other, the answer is read at the question's own places, and no attention is kept.
 */
export function traceRecurrences({
  reasoner,
  question: { question },
  answer: { prompt, text, answer, recurrences },
}: {
  reasoner: Reasoner;
  question: Question;
  answer: Answer;
}): Trace {
  const { tokenizer } = reasoner;
  const before = reasoner.layoutContext().prefix?.length ?? 0;
  return {
    format: 1,
    question,
    text,
    answer: answer ?? null,
    positions: prompt.map((id, position) => ({
      id,
      text: tokenText({ tokenizer, id }),
      role: position < before || position === prompt.length - 1 ? '' : 'question',
      part: 'prompt',
    })),
    thoughts: [],
    answerAt: null,
    distribution: [],
    visibility: null,
    recurrences,
  };
}
