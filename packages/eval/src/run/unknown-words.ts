import type { LoadedTask } from '../tasks/registry';
import type { OpenedModel } from './open-model';

/** Words of questions that a model reads as one unknown token, and how many questions have one. */
export interface UnknownWords {
  questions: number;
  words: string[];
}

/** What the model cannot read, it answers as if something else had been asked: accuracy on such questions says little. */
export function findUnknownWords({
  loaded: { task, examples },
  model,
}: {
  loaded: Pick<LoadedTask, 'task' | 'examples'>;
  model: Pick<OpenedModel, 'unknownWords'>;
}): UnknownWords {
  const words = new Set<string>();
  let questions = 0;
  for (const example of examples) {
    const unknown = model.unknownWords(task.prompt(example));
    if (unknown.length > 0) questions += 1;
    for (const word of unknown) words.add(word);
  }
  return { questions, words: [...words] };
}
