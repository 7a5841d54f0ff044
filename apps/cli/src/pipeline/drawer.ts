import { type DecodedImage, encodePng } from '@subtext/data';
import { writeFileAtomically } from '@subtext/core/node';
import { Drawer } from '@subtext/decoder';
import type { Answer } from '@subtext/reasoner';
import { UsageError } from '@subtext/terminal';
import type { RunDrawerOptions } from '@subtext/trainer';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import type { TrainConfiguration } from '../configuration/schema';

/** The drawer of a configuration as the package takes it. */
export function drawerOptions({
  stage,
  examples,
  height,
  width,
  hiddenWidth,
  steps,
  batchSize,
  learningRate,
}: NonNullable<TrainConfiguration['drawer']>): RunDrawerOptions {
  return { stage, examples, height, width, hiddenWidth, steps, batchSize, learningRate };
}

/** The folder of a reasoner's drawer; undefined where it has none. */
export function drawerOf({ folder }: { /** The reasoner's. */ folder: string }): string | undefined {
  const own = join(folder, 'drawer');
  return existsSync(own) ? own : undefined;
}

/** @throws UsageError where a reasoner has no drawer */
export function checkDrawer({ folder }: { /** The reasoner's. */ folder: string }): void {
  if (drawerOf({ folder }) !== undefined) return;
  throw new UsageError(
    `${folder} has no drawer, so its thoughts cannot be drawn. Train it with "drawer" in the configuration (drawer.stage=caption, for example), or leave --draw out.`,
  );
}

/**
 * Draws an answer's thoughts to a PNG file by the reasoner's drawer.
 *
 * @throws DecoderError `not-a-drawer`; `unknown-stage` where the answer has no thoughts of the drawer's stage; FileError
 */
export async function drawAnswer({
  folder,
  answer,
  path,
}: {
  /** The reasoner's. */ folder: string;
  answer: Answer;
  path: string;
}): Promise<{ stage: string; file: string; width: number; height: number }> {
  const drawer = await Drawer.load({ folder: join(folder, 'drawer') });
  try {
    const [picture] = (await drawer.draw({ thoughts: [drawer.statesOf(answer)] })) as [DecodedImage];
    await writeFileAtomically({ path, data: encodePng(picture) });
    return { stage: drawer.settings.stage, file: path, width: picture.width, height: picture.height };
  } finally {
    drawer.dispose();
  }
}
