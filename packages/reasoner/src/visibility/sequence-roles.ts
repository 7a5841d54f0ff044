import { ReasonerError } from '../errors';
import type { Answer } from '../reasoner/answer';
import { answerStart } from '../reasoner/answer-start';
import type { Question, Reasoner } from '../reasoner/reasoner';
import { ANSWER, IMAGE, NO_ROLE, QUESTION, type Role } from './roles';
import type { WrittenRoles } from './written-roles';

/** What the positions of an answered question are to each other. */
export interface SequenceRoles {
  /** By position of prompt and response; empty where nothing tells. */
  roles: Role[];
  /** Whether a position may look at one before it; null where each sees all before it. */
  sees: ((position: number, key: number) => boolean) | null;
}

/** The roles of an answer's sequence, prompt and response, and which positions attend to which in it. */
export function sequenceRoles({
  reasoner,
  question,
  answer,
}: {
  reasoner: Reasoner;
  question: Question;
  answer: Answer;
}): SequenceRoles {
  const ids = [...answer.prompt, ...answer.ids];
  const sight = told({ reasoner, question, answer });
  if (sight === undefined) return { roles: guessed({ reasoner, answer, ids }), sees: null };
  for (const id of ids) sight.push(id);
  return {
    roles: [...sight.roles],
    sees: reasoner.settings.visibility ? (position, key) => sight.sees(position, key) : null,
  };
}

/** Undefined for methods and formats by which roles cannot be told. */
function told({ reasoner, question, answer }: Parameters<typeof sequenceRoles>[0]): WrittenRoles | undefined {
  try {
    return reasoner.sights({ questions: [question], answers: [answer], always: true })?.[0];
  } catch (error) {
    if (ReasonerError.isInstance(error) && error.code === 'visibility-unsupported') return undefined;
    throw error;
  }
}

/** Without marks: the prompt is the question, thoughts are of their stages, and the answer begins after its own mark. */
function guessed({ reasoner, answer, ids }: { reasoner: Reasoner; answer: Answer; ids: readonly number[] }): Role[] {
  const { image } = reasoner.settings;
  const imageId = image && reasoner.tokenizer.idOf(image.token);
  const start = answerStart({ reasoner, answer });
  const stages = new Map(answer.thoughts.map(({ position, stage }) => [answer.prompt.length + position, stage]));
  return ids.map((id, position) => {
    const stage = stages.get(position);
    if (stage !== undefined) return stage;
    if (position < answer.prompt.length) return id === imageId ? IMAGE : QUESTION;
    return start.found && position >= start.ids.length ? ANSWER : NO_ROLE;
  });
}
