import { type DirectionKind, probeLabels, stageDirection } from '@subtext/decoder';
import { stageThoughts, type ThoughtDirection } from '@subtext/reasoner';

import { EvaluationError } from '../errors';
import type { EvaluationListener } from '../run/evaluation-event';
import { askedOf, openReasoner } from '../run/open-model';
import { questionsOf, readableExamples } from '../tasks/questions-of';
import type { LoadedTask } from '../tasks/registry';

/** Options of {@link makeDirection}. */
export interface MakeDirectionOptions {
  /** The reasoner's folder. */
  model: string;
  /** The questions by whose thoughts the direction is found. */
  loaded: Pick<LoadedTask, 'task' | 'examples' | 'faults' | 'dataHash'>;
  /** The stage whose thoughts are read. */
  stage: string;
  /** What tells the groups apart, as `probeLabels` calls it. @default 'answer' */
  fact?: string;
  /** The fact's value that the direction leads to. */
  to: string;
  /** The value that it leads away from. @default all others */
  from?: string;
  /** @default 'means' */
  kind?: DirectionKind;
  /** Questions side by side. @default 32 */
  batch?: number;
  onEvent?: EvaluationListener;
  signal?: AbortSignal;
}

/** A direction, with how many examples each side had. */
export interface MadeDirection {
  direction: ThoughtDirection;
  to: number;
  from: number;
}

/**
 * Asks a reasoner questions and finds the direction among the thoughts of a stage from examples of which a fact has one
 * value to those of which it has another.
 *
 * @throws EvaluationError `invalid-option` for a fact that the data does not know, or a value that fewer than two examples
 *   have; ReasonerError `unknown-stage`, `stage-not-hidden`; DecoderError `length-mismatch`
 */
export async function makeDirection({
  model,
  loaded,
  stage,
  fact = 'answer',
  to,
  from,
  kind = 'means',
  batch = 32,
  onEvent,
  signal,
}: MakeDirectionOptions): Promise<MadeDirection> {
  const reasoner = await openReasoner({ folder: model, loaded: [loaded] });
  try {
    const { task, examples: all } = askedOf({ reasoner, loaded });
    const { examples } = await readableExamples(all);
    const facts = probeLabels({ examples });
    const known = facts.find(({ name }) => name === fact);
    if (known === undefined)
      throw new EvaluationError({
        code: 'invalid-option',
        message: `The ${examples.length} examples tell no fact "${fact}". Take one of: ${facts.map(({ name }) => name).join(', ')}.`,
      });
    const { labels } = known;
    const sides = [to, from].map((value) => ({
      value,
      rows: examples.flatMap((_, row) => {
        const label = labels[row]!;
        return label !== null && (value === undefined ? label !== to : label === value) ? [row] : [];
      }),
    }));
    const few = sides.find(({ rows }) => rows.length < 2);
    if (few !== undefined)
      throw new EvaluationError({
        code: 'invalid-option',
        message: `Of ${fact}, ${few.rows.length} of ${examples.length} examples have ${few.value === undefined ? `another value than "${to}"` : `the value "${few.value}"`}; a direction needs two or more. Values: ${[...new Set(labels.filter((label) => label !== null))].sort().join(', ')}.`,
      });
    const asked = [...new Set(sides.flatMap(({ rows }) => rows))].sort((one, other) => one - other);
    const questions = questionsOf({ task, examples: asked.map((row) => examples[row]!) });
    const shared = { batchSize: batch, ...(signal && { signal }) };
    const answers = await reasoner.think({
      questions,
      ...shared,
      onProgress: (progress) => onEvent?.({ event: 'progress', label: 'answering', ...progress }),
    });
    const seen = await stageThoughts({ reasoner, questions, answers, stage, ...shared });
    const byRow = new Map(asked.map((row, place) => [row, seen[place]!]));
    const [positive, negative] = sides.map(({ rows }) => rows.flatMap((row) => [byRow.get(row)!].filter(Boolean)));
    return {
      direction: stageDirection({
        positive: positive!,
        negative: negative!,
        kind,
        source: `${kind === 'means' ? 'difference of means' : 'probe'}: ${fact} ${to}, not ${from ?? 'another'}`,
      }),
      to: positive!.length,
      from: negative!.length,
    };
  } finally {
    reasoner.dispose();
  }
}
