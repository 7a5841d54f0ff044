import { describeIssues, parseJson } from '@subtext/core';
import { readTextFile } from '@subtext/core/node';
import { z } from 'zod';

import { DecoderError } from '../errors';

const count = (most: number) => z.number().int().min(1).max(most);

/** Maximum size of `subtext.json`, in bytes. */
const MOST_BYTES = 2 ** 20;

const drawerSettings = z.looseObject({
  format: z.literal(1),
  kind: z.literal('drawer'),
  stage: z.string().min(1).max(1_000),
  thoughts: count(1_024),
  inputWidth: count(2 ** 16),
  hiddenWidth: count(2 ** 14),
  height: count(512),
  width: count(512),
});

/** The contents of a drawer's `subtext.json`, stored beside its weights. */
export interface DrawerSettings {
  format: 1;
  kind: 'drawer';
  /** The stage that it draws. */
  stage: string;
  /** Number of thoughts of the stage. */
  thoughts: number;
  /** Width of a thought's state. */
  inputWidth: number;
  /** Width of the two hidden layers. */
  hiddenWidth: number;
  /** Of the image, in pixels. */
  height: number;
  width: number;
}

/** Reads and validates a drawer's `subtext.json`. Throws `not-a-drawer`, naming what is wrong. */
export async function readDrawerSettings({
  path,
  folder,
}: {
  path: string;
  /** Its folder, for error messages. */ folder: string;
}): Promise<DrawerSettings> {
  let value: unknown;
  try {
    value = parseJson({ text: await readTextFile({ path, maximumBytes: MOST_BYTES }), name: path });
  } catch (cause) {
    throw new DecoderError({
      code: 'not-a-drawer',
      message: `${folder} is not a drawer's folder: ${(cause as Error).message}.`,
      cause,
    });
  }
  const result = drawerSettings.safeParse(value);
  if (result.success) return result.data;
  throw new DecoderError({
    code: 'not-a-drawer',
    message: `${path} does not describe a drawer: ${describeIssues(result.error)}.`,
  });
}
