import { Reasoner } from '../reasoner/reasoner';
import { ReasonerError } from '../errors';
import { idsOf } from '../methods/text-ids';
import type { KnowledgePack } from './knowledge-pack';
import { PackedModel } from './packed-model';

/**
 * A reasoner that has read packs: its questions follow them. What stands before every question (a beginning-of-text token)
 * is in the packs already. It shares the given reasoner's model; its own `dispose` frees both.
 *
 * @throws ReasonerError as `PackedModel.open`
 */
export async function packedReasoner({
  reasoner,
  packs,
}: {
  reasoner: Reasoner;
  packs: readonly KnowledgePack[];
}): Promise<Reasoner> {
  const { tokenizer, settings, feedback } = reasoner;
  const model = await PackedModel.open({ model: reasoner.model, packs });
  return new Reasoner({ model, tokenizer, settings: { ...settings, prefix: [] }, feedback });
}

/** A document's tokens as a reasoner reads them: what stands before every question, then the text. @throws ReasonerError `empty-document` */
export function documentIds({ reasoner, text }: { reasoner: Reasoner; text: string }): number[] {
  const { tokenizer, settings } = reasoner;
  if (text.trim() === '')
    throw new ReasonerError({
      code: 'empty-document',
      message: 'The document is empty: there is nothing to make a knowledge pack of.',
    });
  return [...settings.prefix.map((token) => tokenizer.idOf(token)), ...idsOf({ tokenizer, text })];
}
