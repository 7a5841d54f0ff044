import { tf } from '@subtext/tensor';

import { TokenRows } from '../blocks/token-rows';
import type { AdaptableModel } from './adaptable-model';
import { AdapterError } from './adapter-error';

/** A table with a row per token: the embedding, or an output layer with its own weight. */
export interface TokenTable {
  /** The module's name in the checkpoint, such as `model.embed_tokens`. */
  name: string;
  /** Name of its weight. */
  weight: string;
  rows: TokenRows | null;
}

/** PEFT's parameter name for a table's separate rows. */
export function tokenRowsName(table: string): string {
  return `${table}.token_adapter.trainable_tokens_delta`;
}

/** The token tables: the embedding, and the output layer if it is not tied. */
export function tokenTables({ model }: { model: AdaptableModel }): TokenTable[] {
  const { tokenEmbedding, head } = model;
  const weight = tokenEmbedding.weight.declaration.name;
  const tables: TokenTable[] = [{ name: weight.replace(/\.weight$/, ''), weight, rows: tokenEmbedding.rows }];
  if (!head.tied) tables.push({ name: head.name, weight: head.weight.declaration.name, rows: head.rows });
  return tables;
}

/** Tokens with separate rows: the same in every table, or ids by table name. */
export type TokenIds = readonly number[] | ReadonlyMap<string, readonly number[]>;

function idsOf({ ids, table }: { ids: TokenIds; table: string }): readonly number[] {
  return ids instanceof Map ? (ids.get(table) ?? []) : (ids as readonly number[]);
}

/** Throws `invalid-option` for unknown or repeated ids and for unknown tables. */
export function checkTokenIds({ model, ids }: { model: AdaptableModel; ids: TokenIds }): void {
  const fail = (message: string): never => {
    throw new AdapterError({ code: 'invalid-option', message });
  };
  const tables = tokenTables({ model });
  const count = Math.min(model.tokenEmbedding.count, model.head.outputWidth);
  const other =
    ids instanceof Map ? [...ids.keys()].find((name) => !tables.some((table) => table.name === name)) : undefined;
  if (other !== undefined)
    fail(`"${other}" is not a token table; this model has ${tables.map(({ name }) => name).join(' and ')}.`);
  for (const { name } of tables) {
    const own = idsOf({ ids, table: name });
    const unknown = own.find((id) => !Number.isInteger(id) || id < 0 || id >= count);
    if (unknown !== undefined)
      fail(
        `There is no token ${unknown}; ids are 0 to ${count - 1}. Add rows for new tokens first (resizeEmbeddings).`,
      );
    if (new Set(own).size !== own.length) fail(`Tokens to train are listed more than once: ${own.join(', ')}.`);
  }
}

/**
 * Stores the rows of some tokens separately, starting from their current values, so that they can be trained while the
 * tables stay frozen. Tied output embeddings share the embedding's rows.
 *
 * @throws AdapterError `invalid-option`, see {@link checkTokenIds}
 */
export function addTokenRows({
  model,
  ids,
  trainable = true,
}: {
  model: AdaptableModel;
  ids: TokenIds;
  /** Default true. */ trainable?: boolean;
}): void {
  checkTokenIds({ model, ids });
  const hold = ({ name, weight }: TokenTable): TokenRows | null => {
    const own = idsOf({ ids, table: name });
    if (own.length === 0) return null;
    const table = model.parameters.get(weight) as tf.Variable<tf.Rank.R2>;
    const value = tf.tidy(() => tf.gather(table, tf.tensor1d([...own], 'int32')));
    return new TokenRows({
      ids: [...own],
      values: model.parameters.add({ name: tokenRowsName(name), value, trainable }),
    });
  };
  const [embedding, output] = tokenTables({ model });
  model.tokenEmbedding.rows = hold(embedding!);
  model.head.rows = output === undefined ? model.tokenEmbedding.rows : hold(output);
}

/** Merges the rows into their tables. Returns the rows that they replaced, for {@link unmergeTokenRows}. */
export function mergeTokenRows({ model }: { model: AdaptableModel }): Map<string, tf.Tensor2D> {
  const before = new Map<string, tf.Tensor2D>();
  for (const { weight, rows } of tokenTables({ model })) {
    if (rows === null || rows.merged) continue;
    const table = model.parameters.get(weight) as tf.Variable<tf.Rank.R2>;
    before.set(weight, tf.keep(tf.tidy(() => tf.gather(table, tf.tensor1d([...rows.ids], 'int32')))));
    tf.tidy(() => table.assign(rows.into(table)));
    rows.merged = true;
  }
  return before;
}

/** Restores the table rows from before the merge. Frees `before`. */
export function unmergeTokenRows({
  model,
  before,
}: {
  model: AdaptableModel;
  before: ReadonlyMap<string, tf.Tensor2D>;
}): void {
  for (const { weight, rows } of tokenTables({ model })) {
    const values = before.get(weight);
    if (rows === null || !rows.merged || values === undefined) continue;
    const table = model.parameters.get(weight) as tf.Variable<tf.Rank.R2>;
    tf.tidy(() =>
      table.assign(
        tf.tensorScatterUpdate(table, tf.tensor2d([...rows.ids], [rows.ids.length, 1], 'int32'), values) as tf.Tensor2D,
      ),
    );
    rows.merged = false;
    values.dispose();
  }
}

/** Removes the rows, with their effect unless merged. */
export function removeTokenRows({ model }: { model: AdaptableModel }): void {
  for (const { name, rows } of tokenTables({ model })) if (rows !== null) model.parameters.remove(tokenRowsName(name));
  model.tokenEmbedding.rows = null;
  model.head.rows = null;
}
