import type { ReasoningExample } from '@subtext/data';
import type { Answer } from '@subtext/reasoner';
import { basename } from 'node:path';

import { type ExplanationScore, scoreExplanations } from './score-explanations';
import type { ThinkingPool } from './thinking-pool';
import { explanationRequests, type ThoughtCondition, thoughtConditions } from './thought-conditions';

/** What interpreters wrote of a set's thoughts. */
export interface Explanations {
  /** By stage and condition; a condition that no example has is left out, such as another's thought where none has as many. */
  scores: Record<string, Partial<Record<ThoughtCondition, ExplanationScore>>>;
  /** By example and stage: the explanation of its own thought. */
  words: Record<string, string>[];
}

/** Explains every stage's thoughts under every condition, and scores the explanations. */
export async function explainThoughts({
  pool,
  interpreters,
  answers,
  examples,
  onProgress,
  signal,
}: {
  pool: ThinkingPool;
  /** The pool's interpreters by their folders: one for all stages, or one named like each. */
  interpreters: readonly string[];
  /** By example. */
  answers: readonly Answer[];
  examples: readonly ReasoningExample[];
  /** Called after each stage. */
  onProgress?: (progress: { done: number; total: number }) => void;
  signal?: AbortSignal;
}): Promise<Explanations> {
  const scores: Explanations['scores'] = {};
  const words: Explanations['words'] = examples.map(() => ({}));
  const stages =
    interpreters.length > 0 ? [...new Set(answers.flatMap(({ thoughts }) => thoughts.map(({ stage }) => stage)))] : [];
  for (const [index, stage] of stages.entries()) {
    const interpreter = interpreters.length === 1 ? 0 : interpreters.findIndex((name) => basename(name) === stage);
    if (interpreter < 0) continue;
    const own: Explanations['scores'][string] = {};
    for (const condition of thoughtConditions) {
      const { indices, requests } = explanationRequests({ answers, examples, stage, condition });
      if (indices.length === 0) continue;
      const asked = requests.flatMap((request) => request ?? []);
      const written = asked.length === 0 ? [] : await pool.explain({ interpreter, requests: asked, signal });
      // An example whose response lacks the stage cannot be explained; it counts as an empty text.
      let next = 0;
      const texts = requests.map((request) => (request === null ? '' : written[next++]!));
      own[condition] = scoreExplanations({
        explanations: texts,
        stage,
        examples: indices.map((place) => examples[place]!),
      });
      if (condition === 'own')
        for (const [place, text] of texts.entries())
          if (requests[place] !== null) words[indices[place]!]![stage] = text;
    }
    if (Object.keys(own).length > 0) scores[stage] = own;
    onProgress?.({ done: index + 1, total: stages.length });
  }
  return { scores, words };
}
