import { ModelFolderError } from '../weights/model-folder-error';
import type { AdaptableModel } from './adaptable-model';
import { isNamed } from './configured-layers';
import { tokenTables } from './token-rows';

/**
 * The tokens whose rows an adapter config trains, per table. A list means the embedding, and the output layer if tied.
 */
export function configuredTokens({
  model,
  indices,
  path,
}: {
  model: AdaptableModel;
  indices: number[] | Record<string, number[]> | undefined;
  path: string;
}): Map<string, number[]> {
  const tables = tokenTables({ model });
  const tokens = new Map<string, number[]>();
  const entries = Array.isArray(indices) ? [[tables[0]!.name, indices] as const] : Object.entries(indices ?? {});
  const fail = (message: string): never => {
    throw new ModelFolderError({ code: 'invalid-config', path, message: `trainable_token_indices: ${message}` });
  };
  for (const [target, ids] of entries) {
    // A tied output layer shares the embedding's rows.
    const table =
      model.head.tied && isNamed({ name: model.head.name, target })
        ? tables[0]
        : tables.find(({ name }) => isNamed({ name, target }));
    if (table === undefined)
      return fail(`"${target}" is not a token table; this model has ${tables.map(({ name }) => name).join(' and ')}.`);
    const before = tokens.get(table.name);
    if (before !== undefined && before.join() !== ids.join())
      fail(`the output layer shares the embedding's weight, but they name different tokens.`);
    const outside = ids.find((id) => id >= model.dimensions.vocabularySize);
    if (outside !== undefined)
      fail(
        `names the token ${outside}; the model has ${model.dimensions.vocabularySize} tokens. Make room for the tokens that the adapter adds first: resizeEmbeddings({ model, vocabularySize }), with the tokenizer that was saved with it.`,
      );
    if (ids.length > 0) tokens.set(table.name, ids);
  }
  return tokens;
}

/**
 * Rejects modules trained in full other than the embedding and the output layer, which must both be named if they share
 * a weight.
 */
export function checkWholeModules({
  model,
  modules,
  tiedByPeft,
  path,
}: {
  model: AdaptableModel;
  modules: readonly string[];
  /** `ensure_weight_tying` */ tiedByPeft: boolean;
  path: string;
}): void {
  const known = [...tokenTables({ model }).map(({ name }) => name), model.head.name];
  if (modules.length === 0) return;
  const other = modules.find((target) => !known.some((name) => isNamed({ name, target })));
  if (other !== undefined) {
    throw new ModelFolderError({
      code: 'unsupported-config',
      path,
      message: `modules_to_save names "${other}": of modules trained in full only the embedding and the output layer are supported (${[...new Set(known)].join(', ')}).`,
    });
  }
  const names = (table: string) => modules.some((target) => isNamed({ name: table, target }));
  if (model.head.tied && !tiedByPeft && !(names(known[0]!) && names(model.head.name))) {
    throw new ModelFolderError({
      code: 'unsupported-config',
      path,
      message: `modules_to_save names ${modules.join(', ')} alone, though this model's embedding and output layer share a weight: PEFT then trains a copy of one and leaves the other as it was. Name both, or set ensure_weight_tying.`,
    });
  }
}
