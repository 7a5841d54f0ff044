import type { ThoughtEdit } from '@subtext/decoder';

import type { Place } from './link';
import type { Example } from './source';

/** A word of a command as a shell takes it. */
export function quoted(word: string): string {
  return /^[\w./:=,@-]+$/.test(word) ? word : `"${word.replace(/[\\"$`]/g, '\\$&')}"`;
}

/** The command that does what the page shows, or why there is none. */
export function commandOf({
  place,
  model,
  examples,
}: {
  place: Place;
  /** The model's folder. */
  model: string;
  examples: readonly Example[];
}): { command: string } | { none: string } {
  const { question, imageFile } = asked({ place, examples });
  const parts = ['npx', 'subtext', 'think', '--model', model];
  if (place.example === null && place.picture !== null) parts.push('--image', 'picture.png');
  else if (imageFile !== undefined) parts.push('--image', imageFile);
  for (const [stage, words] of Object.entries(place.words)) parts.push('--edit', `${stage}=${words}`);
  const none = (why: string) => ({ none: `The command line cannot do this: ${why}` });
  const swaps = place.edits.filter(({ kind }) => kind === 'another');
  if (swaps.length > 0) {
    const [swap] = swaps;
    if (place.edits.length > 1 || swap?.kind !== 'another' || swap.index !== undefined || (swap.amount ?? 1) !== 1)
      return none('it swaps whole stages, one at a time.');
    const from = examples[place.another ?? -1];
    if (from === undefined) return none('the other question is unknown.');
    parts.push('--swap', swap.stage, '--from', from.question);
    if (from.imageFile !== undefined) parts.push('--from-image', from.imageFile);
  } else
    for (const edit of place.edits) {
      const change = changeOf(edit);
      if (change === null)
        return none(
          edit.kind === 'mean'
            ? 'it has no set of examples to take the mean of.'
            : 'make the direction with `subtext eval direction`, and add it with --steer.',
        );
      parts.push('--change', change);
    }
  parts.push('--json', '--trace', question);
  return { command: parts.map(quoted).join(' ') };
}

function changeOf(edit: ThoughtEdit): string | null {
  const at = 'index' in edit && edit.index !== undefined ? `.${edit.index + 1}` : '';
  if (edit.kind === 'zeros' || edit.kind === 'cut') return `${edit.stage}${at}=${edit.kind}`;
  if (edit.kind === 'noise') return `${edit.stage}${at}=noise:${edit.amount}`;
  if (edit.kind === 'order') return `${edit.stage}=order:${edit.order.map((place) => place + 1).join(',')}`;
  return null;
}

/** What is asked at a place. */
export function asked({
  place,
  examples,
}: {
  place: Pick<Place, 'example' | 'question'>;
  examples: readonly Example[];
}): { question: string; imageFile?: string } {
  const example = place.example === null ? undefined : examples[place.example];
  return example ?? { question: place.question };
}
