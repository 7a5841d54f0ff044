import type { ThoughtEdit } from '@subtext/decoder';

import type { Place } from './link';

type Changes = Pick<Place, 'edits' | 'words'>;

/**
 * What is changed once one more edit is made: what was done to the same thoughts before is done no more, and what is done
 * to a stage takes the place of what was done in it.
 */
export function withEdit({ edits }: Pick<Changes, 'edits'>, edit: ThoughtEdit): Pick<Changes, 'edits'> {
  const about = (one: ThoughtEdit) => JSON.stringify([one.stage, 'index' in one ? one.index : undefined]);
  const whole = !('index' in edit && edit.index !== undefined);
  return {
    edits: [...edits.filter((one) => about(one) !== about(edit) && !(one.stage === edit.stage && whole)), edit],
  };
}

/** What is changed once what was done to a stage is taken back, or to all. */
export function withoutEdits({ edits, words }: Changes, stage?: string): Changes {
  if (stage === undefined) return { edits: [], words: {} };
  return {
    edits: edits.filter((one) => one.stage !== stage),
    words: Object.fromEntries(Object.entries(words).filter(([name]) => name !== stage)),
  };
}
