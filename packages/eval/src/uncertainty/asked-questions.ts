import type { ReasoningExample } from '@subtext/data';
import type { Answer, Question, Reasoner } from '@subtext/reasoner';

import type { EvaluationListener } from '../run/evaluation-event';
import { askedOf } from '../run/open-model';
import { questionsOf, readableExamples } from '../tasks/questions-of';
import type { LoadedTask } from '../tasks/registry';
import { drawnLabel } from './true-distributions';

/** Questions with what was answered to them and what was drawn. */
export interface AskedQuestions {
  examples: ReasoningExample[];
  questions: Question[];
  answers: Answer[];
  drawn: string[];
}

/** Asks a reasoner what was loaded. */
export async function askedQuestions({
  reasoner,
  loaded,
  label,
  batch,
  what,
  onEvent,
  signal,
}: {
  reasoner: Reasoner;
  loaded: Pick<LoadedTask, 'task' | 'examples'>;
  label: string;
  batch: number;
  /** What is done, for people. */
  what: string;
  onEvent?: EvaluationListener;
  signal?: AbortSignal;
}): Promise<AskedQuestions> {
  const { task, examples: all } = askedOf({ reasoner, loaded: loaded as LoadedTask });
  const { examples } = await readableExamples(all);
  const questions = questionsOf({ task, examples });
  const answers = await reasoner.think({
    questions,
    batchSize: batch,
    signal,
    onProgress: (progress) => onEvent?.({ event: 'progress', label: what, ...progress }),
  });
  signal?.throwIfAborted();
  return { examples, questions, answers, drawn: examples.map((example) => drawnLabel({ example, label })!) };
}
