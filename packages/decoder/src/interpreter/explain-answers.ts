import type { Answer } from '@subtext/reasoner';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { Explainer } from './explainer';

/** Loads the interpreters stored with a reasoner, sorted by name; empty if there are none. */
export async function loadExplainers({
  folder,
}: {
  /** The reasoner's folder. */ folder: string;
}): Promise<Explainer[]> {
  const names = (await readdir(join(folder, 'interpreters')).catch((): string[] => [])).sort();
  const explainers: Explainer[] = [];
  for (const name of names) explainers.push(await Explainer.load({ folder: join(folder, 'interpreters', name) }));
  return explainers;
}

/**
 * Decodes the thoughts of answers to text, each stage with the interpreter trained on it.
 *
 * @returns by answer, the text of each hidden stage that an interpreter covers. Thoughts that stand for the whole chain
 *   (CODI's) belong to no stage.
 */
export async function explainAnswers({
  explainers,
  questions,
  answers,
  batchSize,
  signal,
}: {
  explainers: readonly Explainer[];
  questions: readonly { question: string }[];
  /** By question. */
  answers: readonly Pick<Answer, 'thoughts'>[];
  /** @default 64 */
  batchSize?: number;
  signal?: AbortSignal;
}): Promise<Record<string, string>[]> {
  const words = answers.map((): Record<string, string> => ({}));
  const stages = new Set(answers.flatMap(({ thoughts }) => thoughts.map(({ stage }) => stage)));
  for (const stage of stages) {
    const explainer = explainers.find(({ settings }) => settings.stages.includes(stage));
    if (explainer === undefined) continue;
    const requests = answers.flatMap(({ thoughts }, row) => {
      const states = thoughts.flatMap((thought) => (thought.stage === stage ? [thought.hidden] : []));
      return states.length === 0 ? [] : { row, question: questions[row]!.question, stage, states };
    });
    const written = await explainer.explain({ requests, batchSize, signal });
    for (const [index, { row }] of requests.entries()) words[row]![stage] = written[index]!;
  }
  return words;
}
