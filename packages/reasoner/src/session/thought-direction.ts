import { openSafetensors, SafetensorsError, writeSafetensors } from '@subtext/safetensors';

import { ReasonerError } from '../errors';
import type { SeenThought } from './seen-thoughts';

/** A direction among the thoughts of a stage, as {@link SeenThought} has them. */
export interface ThoughtDirection {
  /** The stage that it was made of. */
  stage: string;
  /** By thought of the stage: what is added to its state. */
  thoughts: readonly Float32Array[];
  /** What is added to what a continuous thought after the stage is fed, `[width]`. @default nothing */
  next?: Float32Array;
  /** In words, what it was made of. */
  source: string;
}

const format = 'subtext-direction';

/** Writes a direction as a safetensors file: `thoughts` of `[thoughts, numbers]`, `next` of `[width]`, in float32. */
export async function saveDirection({ path, direction }: { path: string; direction: ThoughtDirection }): Promise<void> {
  const { stage, thoughts, next, source } = direction;
  const width = thoughts[0]?.length ?? 0;
  const data = new Float32Array(thoughts.length * width);
  for (const [index, vector] of thoughts.entries()) data.set(vector, index * width);
  const tensors = new Map([
    ['thoughts', { dtype: 'F32' as const, shape: [thoughts.length, width], data }],
    ...(next === undefined ? [] : [['next', { dtype: 'F32' as const, shape: [next.length], data: next }] as const]),
  ]);
  await writeSafetensors({ path, tensors, metadata: { format, stage, source } });
}

/** Reads a direction. @throws ReasonerError `not-a-direction`; SafetensorsError */
export async function loadDirection({ path }: { path: string }): Promise<ThoughtDirection> {
  const wrong = (why: string, cause?: unknown) =>
    new ReasonerError({
      code: 'not-a-direction',
      message: `${path} ${why}. Make a direction with \`subtext-eval direction\`.`,
      cause,
    });
  const file = await openSafetensors({ path }).catch((cause: unknown) => {
    if (!SafetensorsError.isInstance(cause)) throw cause;
    throw wrong(cause.code === 'not-found' ? 'is not there' : `is no safetensors file: ${cause.message}`, cause);
  });
  try {
    const { stage, source = '', format: found } = file.metadata;
    const shape = file.has('thoughts') ? file.entry('thoughts').shape : [];
    if (found !== format || stage === undefined || shape.length !== 2 || shape[0] === 0)
      throw wrong('holds no direction among thoughts');
    const [count, width] = shape as [number, number];
    const data = await file.readFloat32('thoughts');
    return {
      stage,
      source,
      thoughts: Array.from({ length: count }, (_, index) => data.slice(index * width, (index + 1) * width)),
      ...(file.has('next') && { next: await file.readFloat32('next') }),
    };
  } finally {
    await file.close();
  }
}

/**
 * A stage's thoughts with a direction added: `state + strength · direction`.
 *
 * @throws ReasonerError `stages-differ` for another number of thoughts; `width-mismatch` for a direction of another model
 */
export function alongDirection({
  thoughts,
  direction,
  strength,
}: {
  thoughts: readonly SeenThought[];
  direction: ThoughtDirection;
  strength: number;
}): SeenThought[] {
  if (direction.thoughts.length !== thoughts.length)
    throw new ReasonerError({
      code: 'stages-differ',
      message: `The direction was made of ${direction.thoughts.length} ${direction.thoughts.length === 1 ? 'thought' : 'thoughts'} of "${direction.stage}"; the stage "${thoughts[0]?.stage ?? ''}" has ${thoughts.length} here. Make one of the stage that it is added to.`,
    });
  const added = (own: Float32Array, vector: Float32Array) => {
    if (own.length !== vector.length)
      throw new ReasonerError({
        code: 'width-mismatch',
        message: `The direction has ${vector.length} numbers where a thought of this model has ${own.length}. Make it with the model that it is added to.`,
      });
    return own.map((value, unit) => value + strength * (vector[unit] as number));
  };
  return thoughts.map((thought, index) => ({
    ...thought,
    state: added(thought.state, direction.thoughts[index] as Float32Array),
    ...(index === thoughts.length - 1 &&
      thought.next !== undefined &&
      direction.next !== undefined && { next: added(thought.next, direction.next) }),
  }));
}
