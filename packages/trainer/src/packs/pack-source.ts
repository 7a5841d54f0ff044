import {
  documentPack,
  type ModelSource,
  type OpenedModel,
  openWithFeedback,
  PackedModel,
  type PackForm,
} from '@subtext/reasoner';

/** What a pack is trained from; can be posted to a worker, which then builds the same one. */
export interface PackSource {
  kind: 'pack';
  model: ModelSource;
  /** The document's tokens. */
  document: readonly number[];
  positions: number;
  form: PackForm;
  documents: readonly string[];
  seed: number;
}

/** A pack of a document's own rows before a frozen model: it alone trains. */
export async function openPackSource({
  model: source,
  document,
  ...options
}: PackSource): Promise<OpenedModel & { model: PackedModel }> {
  const { model, feedback } = await openWithFeedback(source);
  model.parameters.freeze();
  feedback?.parameters.freeze();
  const pack = await documentPack({ ...options, model, ids: document });
  return { model: await PackedModel.open({ model, packs: [pack], trainable: true }), feedback };
}
