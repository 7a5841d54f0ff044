import { createModel, loadModel, type LanguageModel } from '@subtext/model';

/** Where a model comes from; can be posted to a worker, which then builds the same one. */
export type ModelSource =
  /** A Hugging Face folder. */
  | { kind: 'folder'; folder: string }
  /** A new model with random weights. */
  | { kind: 'new'; config: Record<string, unknown>; seed: number };

/** Loads or creates the model. */
export async function openModel(source: ModelSource): Promise<LanguageModel> {
  return source.kind === 'folder' ? loadModel({ folder: source.folder }) : createModel({ config: source.config, seed: source.seed });
}
