import { isStored, storeWeight, tf, uniform, weightDtype } from '@subtext/tensor';

import type { LinearLayer } from '../blocks/linear-layer';
import { LowRankAdapter } from '../blocks/low-rank-adapter';
import { parameterStream } from '../weights/initialise-weights';
import type { AdaptableModel } from './adaptable-model';
import { AdapterError } from './adapter-error';
import { defaultTargetModules, resolveTargetModules, type TargetModules } from './target-modules';
import {
  addTokenRows,
  checkTokenIds,
  mergeTokenRows,
  removeTokenRows,
  type TokenIds,
  tokenTables,
  unmergeTokenRows,
} from './token-rows';

/** Settings of a LoRA adapter; the defaults are Heima's. */
export interface LoraSettings {
  /**
   * Layers to adapt. Default: the seven projections of a Llama block that the model has; if it has none (GPT-2), every
   * linear layer but the output layer.
   */
  targets?: TargetModules;
  /** Rank r of the update. Default 16. */
  rank?: number;
  /** α: the update is scaled by α/r. Default 32. */
  alpha?: number;
  /** Dropout probability on the adapter's input during training (see {@link setLoraDropoutSeed}). Default 0. */
  dropout?: number;
  /** Scale by α/√r instead of α/r (rsLoRA, arXiv 2312.03732). Default false. */
  rankStabilised?: boolean;
  /**
   * Tokens to train besides the adapter, which cannot change their embeddings: ids, whose rows of the embedding and the
   * output layer are trained (PEFT's `trainable_token_indices`), or `all`, both tables in full (PEFT's
   * `modules_to_save`). Otherwise new tokens keep their initial values. A map gives ids per table, by name. Default
   * none.
   */
  tokens?: TokenIds | 'all';
}

export interface AddLoraOptions extends LoraSettings {
  model: AdaptableModel;
  /** Seed of A's initial values. Default 0. */
  seed?: number;
  /** Whether to freeze all other parameters. Default true. */
  freezeBase?: boolean;
  /**
   * Whether `tokens` are trainable; if not, their rows are only stored separately and saved with the adapter. Default
   * true.
   */
  trainTokens?: boolean;
  /** Rank and α overrides per layer, by name. Default none. */
  perLayer?: ReadonlyMap<string, { rank?: number; alpha?: number }>;
}

/** What `addLora` changed in a model, for saving and undoing. */
interface LoraState {
  settings: Required<LoraSettings>;
  /** Parameters that were trainable before. */
  frozen: string[];
  /** Original values of base parameters that are trained in full or were replaced by the adapter. */
  tables: Map<string, tf.Tensor>;
  /** Table rows replaced by merged token rows. */
  rows: Map<string, tf.Tensor2D>;
}

const states = new WeakMap<AdaptableModel, LoraState>();

/** The settings of a model's adapter; null if it has none. */
export function loraSettings({ model }: { model: AdaptableModel }): Required<LoraSettings> | null {
  return states.get(model)?.settings ?? null;
}

/** The layers with an adapter. */
export function adaptedLayers({ model }: { model: AdaptableModel }): (LinearLayer & { adapter: LowRankAdapter })[] {
  return [...model.structure.linearLayers.values()].filter(
    (layer): layer is LinearLayer & { adapter: LowRankAdapter } => layer.adapter !== null,
  );
}

/** PEFT's names of an adapter's parameters on the layer `name`. */
export function adapterParameterNames(name: string): { down: string; up: string } {
  return { down: `${name}.lora_A.weight`, up: `${name}.lora_B.weight` };
}

/**
 * Adds a LoRA adapter to linear layers (arXiv 2106.09685): `y = x·Wᵀ + b + α/r · dropout(x)·Aᵀ·Bᵀ`, with A uniform in
 * ±1/√in (PEFT's initialisation) and B zero, so that the model's output is initially unchanged. The adapter's
 * parameters are added to `model.parameters` under PEFT's names; everything else except `tokens` is frozen.
 *
 * @throws AdapterError
 */
export function addLora({
  model,
  targets = defaultTargetModules({ model }),
  rank = 16,
  alpha = 32,
  dropout = 0,
  rankStabilised = false,
  tokens = [],
  seed = 0,
  freezeBase = true,
  trainTokens = true,
  perLayer = new Map(),
}: AddLoraOptions): void {
  const fail = (message: string): never => {
    throw new AdapterError({ code: 'invalid-option', message });
  };
  if (!(dropout >= 0 && dropout < 1)) fail(`dropout must be at least 0 and below 1, got ${dropout}.`);
  if (states.has(model))
    throw new AdapterError({
      code: 'adapter-in-place',
      message: 'The model already has an adapter. Merge and remove it first (mergeLora, removeLora).',
    });
  const layers = resolveTargetModules({ model, targets }).map(
    (name) => model.structure.linearLayers.get(name) as LinearLayer,
  );
  const plans = layers.map((layer) => {
    const own = { rank, alpha, ...perLayer.get(layer.name) };
    if (!Number.isInteger(own.rank) || own.rank < 1) fail(`rank must be a whole number above 0, got ${own.rank}.`);
    if (!Number.isFinite(own.alpha)) fail(`alpha must be a number, got ${own.alpha}.`);
    return { layer, ...own };
  });
  // Check before changing anything.
  if (tokens !== 'all') checkTokenIds({ model, ids: tokens });
  else {
    const dtype = weightDtype(model.tokenEmbedding.weight.value);
    if (dtype !== 'float32')
      fail(`The tables of tokens are stored as ${dtype} and cannot train in full. Train rows of them (tokens: ids).`);
  }
  const frozen = freezeBase ? model.parameters.trainable().map(([name]) => name) : [];
  if (freezeBase) model.parameters.freeze();
  for (const { layer, rank: layerRank, alpha: layerAlpha } of plans) {
    const names = adapterParameterNames(layer.name);
    const limit = 1 / Math.sqrt(layer.inputWidth);
    const first = uniform({
      shape: [layerRank, layer.inputWidth],
      random: parameterStream({ seed, name: names.down }),
      minimum: -limit,
      maximum: limit,
    });
    layer.adapter = new LowRankAdapter({
      down: model.parameters.add({ name: names.down, value: first }),
      up: model.parameters.add({ name: names.up, value: tf.zeros([layer.outputWidth, layerRank]) }),
      scaling: layerAlpha / (rankStabilised ? Math.sqrt(layerRank) : layerRank),
      dropout,
    });
  }
  if (tokens !== 'all') addTokenRows({ model, ids: tokens, trainable: trainTokens });
  const tables = new Map<string, tf.Tensor>();
  if (tokens === 'all') {
    for (const { weight } of tokenTables({ model })) {
      tables.set(weight, copyOnAssignment(model.parameters.get(weight)));
      if (trainTokens) model.parameters.get(weight).trainable = true;
    }
  }
  states.set(model, {
    settings: { targets, rank, alpha, dropout, rankStabilised, tokens },
    frozen,
    tables,
    rows: new Map(),
  });
}

/** A variable's current value, without copying: assignment replaces the variable's memory. */
function copyOnAssignment(variable: tf.Variable): tf.Tensor {
  return tf.keep(tf.clone(variable));
}

/** Replaces a base parameter; {@link removeLora} restores it. */
export function replaceBaseWeight({
  model,
  name,
  value,
}: {
  model: AdaptableModel;
  name: string;
  value: tf.Tensor;
}): void {
  const tables = states.get(model)?.tables;
  const variable = model.parameters.get(name);
  if (tables !== undefined && !tables.has(name)) tables.set(name, copyOnAssignment(variable));
  variable.assign(value);
}

/** Enables the adapters' dropout for a training step, seeded by `seed`, or disables it (null, the initial state). */
export function setLoraDropoutSeed({ model, seed }: { model: AdaptableModel; seed: number | null }): void {
  for (const [index, { adapter }] of adaptedLayers({ model }).entries())
    adapter.setDropoutSeed(seed === null ? null : (Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) | 0);
}

/** Adds an adapter's weight update, times `sign`, to its layer's weight. */
function shiftWeight(layer: LinearLayer & { adapter: LowRankAdapter }, sign: 1 | -1): void {
  tf.tidy(() => {
    const change = layer.adapter.weightChange({ layout: layer.layout });
    const variable = layer.weight.value as tf.Variable<tf.Rank.R2>;
    const stored = isStored(variable);
    // A weight outside the engine's memory stays there, as float32.
    const weight = stored ? tf.tensor2d(variable.dataSync<'float32'>(), variable.shape) : variable;
    const shifted = (sign === 1 ? tf.add(weight, change) : tf.sub(weight, change)) as tf.Tensor2D;
    variable.assign(stored ? storeWeight({ values: shifted, dtype: 'float32' }) : shifted);
  });
  layer.adapter.merged = sign === 1;
}

function needAdapter(model: AdaptableModel): (LinearLayer & { adapter: LowRankAdapter })[] {
  const layers = adaptedLayers({ model });
  if (layers.length === 0)
    throw new AdapterError({
      code: 'no-adapter',
      message: 'The model has no adapter. Add one with addLora or loadAdapter.',
    });
  return layers;
}

/**
 * Merges the adapters into the weights, so that they cost nothing at inference and `saveModel` accepts the model. The
 * adapters are kept, so that {@link unmergeLora} can undo it.
 *
 * @throws AdapterError if an output layer tied to the embedding has an adapter: merging it would change the embedding
 */
export function mergeLora({ model }: { model: AdaptableModel }): void {
  const layers = needAdapter(model);
  const tied = layers.find((layer) => layer.tied);
  if (tied !== undefined) {
    throw new AdapterError({
      code: 'invalid-adapter',
      message: `${tied.name} shares its weight with the token embedding (tie_word_embeddings): merging its adapter would change the embedding. Keep the adapter apart (saveAdapter).`,
    });
  }
  for (const layer of layers) if (!layer.adapter.merged) shiftWeight(layer, 1);
  const state = states.get(model);
  for (const [name, values] of mergeTokenRows({ model })) state?.rows.set(name, values);
}

/** Undoes {@link mergeLora}; the weights are restored up to rounding. */
export function unmergeLora({ model }: { model: AdaptableModel }): void {
  for (const layer of needAdapter(model)) if (layer.adapter.merged) shiftWeight(layer, -1);
  const rows = states.get(model)?.rows;
  if (rows === undefined) return;
  unmergeTokenRows({ model, before: rows });
  rows.clear();
}

/**
 * Removes the adapters and token rows, with their effect unless merged. Base weights that were trained in full or came
 * with the adapter are restored, and parameters frozen by `addLora` become trainable again.
 */
export function removeLora({ model }: { model: AdaptableModel }): void {
  const merged = needAdapter(model).some(({ adapter }) => adapter.merged);
  for (const layer of needAdapter(model)) {
    const names = adapterParameterNames(layer.name);
    (layer as LinearLayer).adapter = null;
    model.parameters.remove(names.down);
    model.parameters.remove(names.up);
  }
  removeTokenRows({ model });
  const state = states.get(model);
  for (const [name, table] of state?.tables ?? []) {
    if (!merged) model.parameters.get(name).assign(table);
    table.dispose();
  }
  for (const values of state?.rows.values() ?? []) values.dispose();
  const frozen = new Set(state?.frozen);
  model.parameters.unfreeze((name) => frozen.has(name));
  states.delete(model);
}
