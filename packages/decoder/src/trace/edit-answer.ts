import { type ChangedAnswer, changeThoughts, readThoughts, thoughtPlaces } from '@subtext/reasoner';

import type { AnsweredQuestion } from './needed-thoughts';
import { editThoughts, type EditThoughtsOptions } from './thought-edits';

/**
 * Edits the thoughts of an answer and thinks on from there: what the inspector's handles and `subtext think --change` do.
 *
 * @throws DecoderError as {@link editThoughts}; ReasonerError as `changeThoughts`
 */
export async function editAnswer({
  reasoner,
  question,
  answer,
  signal,
  ...edits
}: AnsweredQuestion & Omit<EditThoughtsOptions, 'own' | 'segment'> & { signal?: AbortSignal }): Promise<ChangedAnswer> {
  const [own] = await readThoughts({ reasoner, questions: [question], answers: [answer], signal });
  const [places] = thoughtPlaces({ answer, reading: reasoner.settings.thoughtReading });
  // Keys and values of each place, layer by layer.
  const { cachedLayers, dimensions } = reasoner.model;
  const layers = cachedLayers?.length ?? dimensions.layers;
  const segment = own![0] && own![0].state.length / (2 * layers * Math.max(1, places?.length ?? 1));
  const changes = editThoughts({ own: own!, segment, ...edits });
  return changeThoughts({ reasoner, question, answer, changes, signal });
}
