import type { Steering, ThoughtSampling } from '@subtext/reasoner';
import { engineName } from '@subtext/tensor';

import { stableHash } from '../results/sample-record';
import type { EvaluateModelOptions } from './evaluate-model';
import type { AnsweringModel } from './evaluate-task';

/** What an evaluation is asked to do. */
type Asked = Omit<EvaluateModelOptions, 'mergeOnly'>;

/** How answers are generated, for the record. */
export function generationOf({
  temperature = 0,
  seed = 0,
  thoughts,
  maximumTokens,
  recurrences,
  haltFrom,
  factor,
  steering,
}: Asked): Record<string, unknown> {
  return {
    temperature,
    ...(isDrawn({ temperature, thoughts }) ? { seed } : {}),
    ...(thoughts === undefined || thoughts.kind === 'state' ? {} : { thoughts }),
    ...(maximumTokens === undefined ? {} : { max_new_tokens: maximumTokens }),
    ...(recurrences === undefined ? {} : { recurrences }),
    ...(haltFrom === undefined ? {} : { halt_from: haltFrom }),
    ...(factor === undefined ? {} : { factor }),
    ...(steering === undefined ? {} : { steering: describeSteering(steering) }),
  };
}

/** Whether another seed gives other answers. */
export function isDrawn({ temperature = 0, thoughts }: { temperature?: number; thoughts?: ThoughtSampling }): boolean {
  return temperature > 0 || (thoughts !== undefined && thoughts.kind !== 'state');
}

/** All that changes an answer. */
export function settingsOf(options: Asked): Record<string, unknown> {
  const { model, limit, judge, filters } = options;
  return {
    generation: generationOf(options),
    limit: limit ?? null,
    engine: engineName(),
    ...(model.dtype === undefined || model.dtype === 'float32' ? {} : { dtype: model.dtype }),
    ...(judge ? { judge: judge.model } : {}),
    // Samples keep what each filter took: those of other filters are of another run.
    ...(filters ? { filters } : {}),
  };
}

export function answeringOf({
  model,
  temperature = 0,
  seed = 0,
  thoughts,
  maximumTokens,
  recurrences,
  haltFrom,
  factor,
  steering,
  signal,
}: Asked): AnsweringModel {
  return model.answering({
    temperature,
    seed,
    thoughts,
    maximumTokens,
    recurrences,
    haltFrom,
    factor,
    steering,
    signal,
  });
}

/** A steering for the record: samples of another one are not mixed in. */
function describeSteering({ direction, strength = 1, stage = direction.stage }: Steering): Record<string, unknown> {
  const vectors = [...direction.thoughts, ...(direction.next ? [direction.next] : [])];
  return { stage, strength, source: direction.source, direction: stableHash(vectors.map((vector) => [...vector])) };
}
