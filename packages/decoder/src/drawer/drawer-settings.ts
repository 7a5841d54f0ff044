import { describeIssues, parseJson } from '@subtext/core';
import { readTextFile } from '@subtext/core/node';
import { z } from 'zod';

import { DecoderError } from '../errors';

const count = (most: number) => z.number().int().min(1).max(most);

/** The largest `subtext.json`, in bytes. */
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

/** What a drawer's `subtext.json` holds, beside its weights. */
export interface DrawerSettings {
  format: 1;
  kind: 'drawer';
  /** The stage whose thoughts it draws. */
  stage: string;
  /** How many thoughts the stage has. */
  thoughts: number;
  /** Width of a thought's state. */
  inputWidth: number;
  /** Width of the two layers between thoughts and pixels. */
  hiddenWidth: number;
  /** Of the picture, in pixels. */
  height: number;
  width: number;
}

/** Reads a drawer's `subtext.json` by its schema. Throws `not-a-drawer`, which names what is wrong. */
export async function readDrawerSettings({
  path,
  folder,
}: {
  path: string;
  /** The folder it belongs to, for errors. */ folder: string;
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
