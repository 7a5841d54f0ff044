import { tf } from '@subtext/tensor';

import { loadCheckpoint, type RunPosition } from '../checkpoint/checkpoint';
import { listCheckpoints } from '../checkpoint/newest-checkpoint';
import { TrainerError } from '../errors';
import { createSharedState, type SharedState } from '../parallel/shared-state';
import type { TrainingProgram } from '../program/training-program';
import { explainMemory } from './out-of-memory';
import type { TrainOptions } from './train-options';

/** The memory that a program's weights, moments and gradients take. Throws `out-of-memory`. */
export function newState({
  program,
  shards,
  ...ranks
}: { program: TrainingProgram } & Omit<Parameters<typeof createSharedState>[0], 'parameters'>): SharedState {
  const parameters = program.parameters.map(({ name, variable, learningRateScale }) => ({
    name,
    shape: variable.shape,
    learningRateScale,
  }));
  try {
    return createSharedState({ parameters, shards, ...ranks });
  } catch (error) {
    throw explainMemory({ error, where: 'the start: weights, moments and gradients' });
  }
}

/** Brings a program's weights into the state. */
export async function readVariables({
  program,
  state,
}: {
  program: TrainingProgram;
  state: SharedState;
}): Promise<void> {
  for (const [index, { offset }] of state.spans.entries()) {
    // Not dataSync, for which webgpu cannot wait.
    state.parameters.set((await program.parameters[index]!.variable.data()) as Float32Array, offset);
  }
}

/** Brings the state's weights into a program. */
export function writeVariables({ program, state }: { program: TrainingProgram; state: SharedState }): void {
  for (const [index, { offset, length, shape }] of state.spans.entries()) {
    const values = state.parameters.slice(offset, offset + length);
    tf.tidy(() => program.parameters[index]!.variable.assign(tf.tensor(values, shape)));
  }
}

/** Puts the weights of the lowest validation loss into the state; gives their step. */
export async function takeBest({
  folder,
  state,
  position,
  onNotice,
}: { folder: string; state: SharedState; position: RunPosition } & Pick<TrainOptions, 'onNotice'>): Promise<number> {
  const { best } = position;
  if (!best || best.step === position.step) return position.step;
  const found = (await listCheckpoints(folder)).find(({ step }) => step === best.step);
  try {
    if (!found)
      throw new TrainerError({
        code: 'invalid-checkpoint',
        message: `The checkpoint of step ${best.step}, the best by validation loss, is gone.`,
      });
    // Into a copy: what is checked against its digests but cannot be read must not leave half of its weights.
    const copy = createSharedState({ parameters: state.spans, shards: state.shards });
    await loadCheckpoint({ path: found.path, state: copy });
    state.parameters.set(copy.parameters);
    return best.step;
  } catch (error) {
    if (!TrainerError.isInstance(error) || error.code !== 'invalid-checkpoint') throw error;
    onNotice?.(`${error.message} Taking the weights of the last step.`);
    return position.step;
  }
}
