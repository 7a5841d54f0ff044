import { readVlmEvalKit, type ReasoningExample } from '@subtext/data';
import { vlmEvalKit } from '../answers/answer-filters';
import { choiceAnswer } from '../answers/choice-answer';
import { scoreOf, type SampleRecord } from '../results/sample-record';
import { exactMatch, exactMatchScore, finalAnswerFilter, type EvaluationTask } from './evaluation-task';

/** An example's options by letter; null where it has none. */
export function choicesOf(example: ReasoningExample): Record<string, string> | null {
  return example.facts?.kind === 'choice'
    ? Object.fromEntries(example.facts.options.map(({ letter, text }) => [letter, text]))
    : null;
}

/** The question with its hint and options, as VLMEvalKit puts it. */
export function promptWithOptions(example: ReasoningExample): string {
  const choices = choicesOf(example);
  const hint = example.metadata?.hint;
  const lines = [...(hint === undefined ? [] : [`Hint: ${hint}`]), `Question: ${example.question}`];
  if (choices !== null)
    lines.push(
      'Options:',
      ...Object.entries(choices).map(([letter, text]) => `${letter}. ${text}`),
      'Please select the correct answer from the options above.',
    );
  return lines.join('\n');
}

/** A table of VLMEvalKit whose questions have options, its answers taken by VLMEvalKit's rules and, where those find nothing, as they are announced. */
export function multipleChoiceTask({
  name,
  description,
  file,
  measure,
}: {
  name: string;
  description: string;
  file: string;
  measure?: (samples: readonly SampleRecord[]) => Record<string, number>;
}): EvaluationTask {
  return {
    name,
    description,
    version: 2,
    modality: 'image',
    dataDescription: `${file}, as VLMEvalKit gives it`,
    metrics: exactMatch,
    filter: finalAnswerFilter,
    filters: [vlmEvalKit(choicesOf)],
    load: ({ path, ...options }) => readVlmEvalKit({ file: path, ...options }),
    prompt: promptWithOptions,
    score: ({ prediction, example }) => {
      const extracted = choiceAnswer({ output: prediction, choices: choicesOf(example) ?? {} });
      return exactMatchScore({ extracted, correct: extracted === example.answer });
    },
    ...(measure === undefined ? {} : { measure }),
  };
}

/**
 * Accuracy over groups of samples: a group is right where all of it is. MMBench asks a question once for
 * each rotation of its options, the indices a million apart; HallusionBench once for each figure.
 */
export function groupAccuracy({
  samples,
  metric = 'exact_match',
  group,
}: {
  samples: readonly SampleRecord[];
  /** @default 'exact_match' */ metric?: string;
  group: (sample: SampleRecord) => string;
}): number {
  const right = new Map<string, boolean>();
  for (const sample of samples)
    right.set(group(sample), (right.get(group(sample)) ?? true) && scoreOf(sample, metric) === 1);
  return [...right.values()].filter(Boolean).length / right.size;
}
