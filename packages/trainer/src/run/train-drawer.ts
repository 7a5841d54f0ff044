import type { DecodedImage, ReasoningExample } from '@subtext/data';
import { type Drawer, drawingPairs, trainDrawer } from '@subtext/decoder';
import { resizeRgb } from '@subtext/encoders';
import { Reasoner, type ReasoningMethod } from '@subtext/reasoner';
import { join } from 'node:path';

import { TrainerError } from '../errors';
import type { RunDrawerOptions, RunEvent } from './run-options';

/** The longest side of what is drawn where no size is given. */
const LONGEST_SIDE = 64;

/** What {@link RunDrawerOptions} are where they are not given, beside what `trainDrawer` has. */
export const runDrawerDefaults = { examples: 2_000 } as const;

/** Throws `invalid-option` for a drawer of a stage that the method does not hide in the end, or without a picture. */
export function checkDrawer({
  drawer,
  method,
  stages,
  examples,
}: {
  drawer: RunDrawerOptions | undefined;
  method: ReasoningMethod;
  /** Of the data. */ stages: readonly string[];
  examples: readonly ReasoningExample[];
}): void {
  if (!drawer) return;
  const hiddenStages = method.curriculum({ stages }).at(-1)?.hiddenStages ?? [];
  const thoughtStages = (method.thoughtStages?.({ stages }) ?? stages).filter((stage) => hiddenStages.includes(stage));
  if (!thoughtStages.includes(drawer.stage))
    throw new TrainerError({
      code: 'invalid-option',
      message: `drawer.stage: the method "${method.name}" holds no stage "${drawer.stage}" in thoughts in the end. ${thoughtStages.length > 0 ? `Take one of: ${thoughtStages.join(', ')}` : 'It hides none: leave "drawer" out'}.`,
    });
  if (!examples.some(({ image }) => image !== undefined))
    throw new TrainerError({
      code: 'invalid-option',
      message:
        'drawer: no example has a picture that a thought could be drawn as. Leave "drawer" out, or take data with pictures.',
    });
}

/**
 * Trains a drawer on a reasoner that has been trained and saved, and stays as it is, and saves it. It takes seconds and keeps
 * no checkpoints: a run that is interrupted in it trains it anew.
 *
 * @returns undefined where the signal came first
 */
export async function trainRunDrawer({
  drawer: { stage, examples: count = runDrawerDefaults.examples, height, width, ...training },
  reasoner: reasonerFolder,
  examples,
  seed,
  onEvent,
  signal,
}: {
  drawer: RunDrawerOptions;
  /** The trained reasoner's folder: the drawer is saved in its `drawer`. */ reasoner: string;
  examples: readonly ReasoningExample[];
  seed: number;
  onEvent?: (event: RunEvent) => void;
  signal?: AbortSignal;
}): Promise<{ seconds: number; loss?: number; examples: number } | undefined> {
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  const reasoner = await Reasoner.load({ folder: reasonerFolder });
  let drawer: Drawer | undefined;
  try {
    const { thoughts, pictures } = await drawingPairs({
      reasoner,
      stage,
      examples: examples.filter(({ image }) => image !== undefined).slice(0, count),
      onProgress: (progress) => onEvent?.({ event: 'drawing', part: 'thoughts', ...progress }),
      signal,
    });
    // The reasoner is trained and whole: that it cannot be drawn does not undo it.
    if (thoughts.length === 0) {
      onEvent?.({
        event: 'notice',
        notice: `The trained reasoner answers no example with thoughts of the stage "${stage}": there is nothing to draw, and no drawer is saved. Train it longer.`,
      });
      return { seconds: seconds(), examples: 0 };
    }
    // The loss of single steps is noisy: the mean of the last ones.
    const last: number[] = [];
    drawer = await trainDrawer({
      ...training,
      stage,
      thoughts,
      pictures: ofOneSize({ pictures, height, width }),
      seed,
      signal,
      onProgress({ step, steps, loss }) {
        if (step > steps - 20) last.push(loss);
        onEvent?.({ event: 'drawing', part: 'steps', done: step, total: steps, loss });
      },
    });
    await drawer.save({ folder: join(reasonerFolder, 'drawer') });
    return {
      seconds: seconds(),
      loss: last.reduce((sum, loss) => sum + loss, 0) / last.length,
      examples: thoughts.length,
    };
  } catch (error) {
    if (signal?.aborted === true) return undefined;
    throw error;
  } finally {
    onEvent?.({ event: 'end-progress' });
    drawer?.dispose();
    reasoner.dispose();
  }
}

/** Pictures in the size that is asked for, or in that of the first, with at most 64 pixels a side. */
function ofOneSize({
  pictures,
  height: askedHeight,
  width: askedWidth,
}: {
  pictures: readonly DecodedImage[];
  height: number | undefined;
  width: number | undefined;
}): DecodedImage[] {
  const [first] = pictures as [DecodedImage];
  const scale = Math.min(1, LONGEST_SIDE / Math.max(first.height, first.width));
  const height = askedHeight ?? Math.max(1, Math.round(first.height * scale));
  const width = askedWidth ?? Math.max(1, Math.round(first.width * scale));
  return pictures.map((picture) => ({
    height,
    width,
    data: resizeRgb({ ...picture, toHeight: height, toWidth: width, resampling: 'bilinear' }),
  }));
}
