import type { Answer } from '@subtext/reasoner';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { Explainer } from './explainer';

/** The interpreters that a run left beside a reasoner, in the order of their names; none where there are none. */
export async function loadExplainers({ folder }: { /** The reasoner's. */ folder: string }): Promise<Explainer[]> {
  const names = (await readdir(join(folder, 'interpreters')).catch((): string[] => [])).sort();
  const explainers: Explainer[] = [];
  for (const name of names) explainers.push(await Explainer.load({ folder: join(folder, 'interpreters', name) }));
  return explainers;
}

/**
 * Puts the thoughts of answers into words, each stage by the interpreter that learnt it.
 *
 * @returns by answer, the words of each stage that it holds in thoughts and that an interpreter reads. Thoughts that stand for
 *   a chain as a whole (CODI's) are none of its stages.
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
