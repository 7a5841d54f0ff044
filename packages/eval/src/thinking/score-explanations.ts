import { captionFacts, type ReasoningExample, type SceneObject, scoreCaptionFacts } from '@subtext/data';

import { stageName } from '@subtext/reasoner';

import { EvaluationError } from '../errors';
import { corpusBleu } from '../metrics/bleu';
import { rouge } from '../metrics/rouge';
import { stripForScoring } from '../metrics/strip-for-scoring';

/** How well explanations tell a stage. */
export interface ExplanationScore {
  count: number;
  /** Corpus BLEU-4, 0 … 100. */
  bleu: number;
  /** Mean ROUGE-L F, 0 … 100. */
  rougeL: number;
  /** Share of explanations that equal the stage's text. */
  exact: number;
  /**
   * Share of the facts told right. A caption is held against the picture's truth; any other stage against the objects
   * that its true text tells of, in their order. Undefined where there is no fact to tell.
   */
  factsRight?: number;
}

/** Facts of an explanation that are right, and how many there are. */
export function countFacts({
  explanation,
  stage,
  example,
}: {
  explanation: string;
  stage: string;
  example: ReasoningExample;
}): { right: number; total: number } {
  const predicted = captionFacts(explanation);
  if (stage === 'caption' && example.facts?.kind === 'scene')
    return scoreCaptionFacts({ predicted, truth: example.facts.objects }).facts;
  const truth = captionFacts(stageText({ example, stage }));
  let right = 0;
  let total = 0;
  for (const [index, object] of truth.entries()) {
    for (const key of ['colour', 'shape', 'place'] satisfies (keyof SceneObject)[]) {
      if (object[key] === undefined) continue;
      total += 1;
      if (predicted[index]?.[key] === object[key]) right += 1;
    }
  }
  return { right, total };
}

/** Scores one stage's explanations against their examples, in order. */
export function scoreExplanations({
  explanations,
  stage,
  examples,
}: {
  explanations: readonly string[];
  stage: string;
  examples: readonly ReasoningExample[];
}): ExplanationScore {
  if (examples.length === 0)
    throw new EvaluationError({ code: 'empty-set', message: `There is no explanation of "${stage}" to score.` });
  if (explanations.length !== examples.length) {
    throw new EvaluationError({
      code: 'length-mismatch',
      message: `${explanations.length} explanations for ${examples.length} examples; give one an example, in order.`,
    });
  }
  const hypotheses = explanations.map((text) => stripForScoring({ text }));
  const references = examples.map((example) => stripForScoring({ text: stageText({ example, stage }) }));
  const counts = examples.map((example, index) => countFacts({ explanation: hypotheses[index]!, stage, example }));
  const total = counts.reduce((sum, count) => sum + count.total, 0);
  return {
    count: examples.length,
    bleu: corpusBleu({ hypotheses, references: references.map((text) => [text]) }).score,
    rougeL:
      (hypotheses.reduce(
        (sum, hypothesis, index) => sum + rouge({ hypothesis, reference: references[index]! }).rougeL.fMeasure,
        0,
      ) /
        examples.length) *
      100,
    exact: hypotheses.filter((hypothesis, index) => hypothesis === references[index]).length / examples.length,
    factsRight: total === 0 ? undefined : counts.reduce((sum, { right }) => sum + right, 0) / total,
  };
}

/** The true text of a stage; steps without a name are `step_1`, `step_2`, … as methods call them. */
export function stageText({ example, stage }: { example: ReasoningExample; stage: string }): string {
  const step = example.steps.find((own, index) => stageName({ step: own, index }) === stage);
  if (!step)
    throw new EvaluationError({ code: 'invalid-option', message: `Example ${example.id} has no stage "${stage}".` });
  return step.text;
}
