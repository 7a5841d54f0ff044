/** What a document is condensed into. */
export type PackForm =
  /** Keys and values for every layer, as a cache holds them (Cartridges, arXiv 2506.06266). */
  | 'cache'
  /** Vectors in the places of token embeddings, of which the model makes the keys and values: fewer numbers. */
  | 'thoughts';

/** One tensor of a pack, `[positions, width]`, row by row. */
export interface PackTensor {
  /** `keys.0`, `values.0`, `keys.1` … of the form `cache`; `vectors` of the form `thoughts`. */
  name: string;
  width: number;
  values: Float32Array;
}

/**
 * A document condensed for a model: what stands before a question in the document's place. What comes after it takes the
 * positions that it would have after the document, `span` and further, so that the model looks back from where it is used to.
 */
export interface KnowledgePack {
  form: PackForm;
  /** {@link modelFingerprint} of the model that it was made with, and is for. */
  model: string;
  /** By row, the position in the document that it began as, and is rotated by: as many as the pack has rows. */
  places: Int32Array;
  /** Positions of the whole document. */
  span: number;
  /** Names of the documents that it holds. */
  documents: readonly string[];
  /** Of its self-study. */
  seed: number;
  /** Steps of self-study; 0: as the document's own rows are. */
  steps: number;
  tensors: readonly PackTensor[];
}

/** The tensors that a pack of a form has in a model of so many layers, in order. */
export function packTensorNames({ form, layers }: { form: PackForm; layers: number }): string[] {
  if (form === 'thoughts') return ['vectors'];
  return Array.from({ length: layers }, (_, layer) => [`keys.${layer}`, `values.${layer}`]).flat();
}
