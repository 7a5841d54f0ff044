import { ownValue } from '@subtext/core';
import { writeJsonFile } from '@subtext/core/node';
import { resolveModelFolder, type HubOptions } from '@subtext/hub';
import { openSafetensors, writeSafetensors, type TensorToWrite } from '@subtext/safetensors';
import { tf } from '@subtext/tensor';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { ModelFolderError } from '../weights/model-folder-error';
import { parseConfig } from '../weights/read-config';
import { readJsonObject } from '../weights/read-json-object';
import type { AdaptableModel } from './adaptable-model';
import { adapterConfig, defaultTargets } from './adapter-config';
import { AdapterError } from './adapter-error';
import { adaptedLayers, adapterParameterNames, addLora, loraSettings, replaceBaseWeight } from './lora';
import { configuredLayers, isNamed, patternValues } from './configured-layers';
import { tokenRowsName, tokenTables } from './token-rows';

/** What PEFT puts before a module's name. */
const prefix = 'base_model.model.';
const configFile = 'adapter_config.json';
const weightsFile = 'adapter_model.safetensors';

/** The tokens whose rows an adapter's config trains, by table. A list means the embedding's, and the output layer's where it is tied. */
function configuredTokens({
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
    // A tied output layer has the embedding's rows.
    const table =
      model.head.tied && isNamed({ name: model.head.name, target })
        ? tables[0]
        : tables.find(({ name }) => isNamed({ name, target }));
    if (table === undefined)
      return fail(
        `"${target}" is no table with a row for each token; this model's are ${tables.map(({ name }) => name).join(' and ')}.`,
      );
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

/** Refuses modules that an adapter trains in full, but for the embedding and the output layer, and both of them where they share a weight. */
function checkWholeModules({
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

/**
 * Saves a model's adapter as a PEFT folder: adapter_config.json and adapter_model.safetensors.
 *
 * @throws AdapterError `no-adapter`
 */
export async function saveAdapter({
  model,
  folder,
  baseModel = null,
}: {
  model: AdaptableModel;
  /** Made if need be. */
  folder: string;
  /** The folder or name of the model beneath, for PEFT's `base_model_name_or_path`. Default none. */
  baseModel?: string | null;
}): Promise<void> {
  const settings = loraSettings({ model });
  if (settings === null)
    throw new AdapterError({
      code: 'no-adapter',
      message: 'The model has no adapter to save. Add one with addLora, or save the model with saveModel.',
    });
  const { targets, rank, alpha, dropout, rankStabilised, tokens } = settings;
  const layers = adaptedLayers({ model });
  const tensors: Record<string, TensorToWrite> = {};
  const tables = tokenTables({ model });
  const rowsOf = tables.flatMap(({ name, rows }) => (rows === null ? [] : [{ name, rows }]));
  for (const { name, rows } of rowsOf)
    tensors[`${prefix}${tokenRowsName(name)}`] = {
      dtype: 'F32',
      shape: rows.values.shape,
      data: (await rows.values.data()) as Float32Array,
    };
  const whole = tokens === 'all' ? [...new Set([tables[0]!.name, model.head.name])] : [];
  for (const name of whole) {
    // A tied output layer is written too: PEFT holds both modules apart.
    const variable = model.parameters.get(tables.find((table) => table.name === name)?.weight ?? tables[0]!.weight);
    tensors[`${prefix}${name}.weight`] = {
      dtype: 'F32',
      shape: variable.shape,
      data: (await variable.data()) as Float32Array,
    };
  }
  const ranks: Record<string, number> = {};
  const alphas: Record<string, number> = {};
  for (const { name, adapter } of layers) {
    const names = adapterParameterNames(name);
    for (const [own, variable] of [
      [names.down, adapter.down],
      [names.up, adapter.up],
    ] as const) {
      tensors[`${prefix}${own}`] = {
        dtype: 'F32',
        shape: variable.shape,
        data: (await variable.data()) as Float32Array,
      };
    }
    const ownRank = adapter.down.shape[0] as number;
    const ownAlpha = adapter.scaling * (rankStabilised ? Math.sqrt(ownRank) : ownRank);
    if (ownRank !== rank) ranks[name] = ownRank;
    if (Math.abs(ownAlpha - alpha) > 1e-6 * Math.abs(alpha)) alphas[name] = ownAlpha;
  }
  await mkdir(folder, { recursive: true });
  await writeSafetensors({ path: join(folder, weightsFile), tensors, metadata: { format: 'pt' } });
  await writeJsonFile({
    path: join(folder, configFile),
    value: {
      peft_type: 'LORA',
      task_type: 'CAUSAL_LM',
      base_model_name_or_path: baseModel,
      inference_mode: true,
      r: rank,
      lora_alpha: alpha,
      lora_dropout: dropout,
      use_rslora: rankStabilised,
      target_modules: targets instanceof RegExp ? targets.source : targets,
      rank_pattern: ranks,
      alpha_pattern: alphas,
      bias: 'none',
      fan_in_fan_out: layers.some((layer) => layer.layout === 'in-out'),
      init_lora_weights: true,
      modules_to_save: whole.length > 0 ? whole.map(moduleName) : null,
      // A list is the embedding's, and a tied output layer's with it.
      trainable_token_indices:
        rowsOf.length === 0
          ? null
          : rowsOf.length === 1 && rowsOf[0]!.name === tables[0]!.name
            ? rowsOf[0]!.rows.ids
            : Object.fromEntries(rowsOf.map(({ name, rows }) => [moduleName(name), rows.ids])),
    },
  });
}

/** PEFT's settings that are one value, a list, or one of the ways to say nothing. */
function listOf<Value extends string | number>(
  setting: Value | Value[] | object | '' | false | null | undefined,
): Value[] {
  if (Array.isArray(setting)) return setting as Value[];
  return typeof setting === 'number' || (typeof setting === 'string' && setting !== '') ? [setting as Value] : [];
}

/** The last part of a module's name, by which PEFT finds it. */
function moduleName(name: string): string {
  return name.split('.').at(-1)!;
}

/**
 * Loads an adapter from a PEFT folder, or from the hub, onto a model: adds it as `addLora` does and fills it. Settings that we do not
 * honour (DoRA, biases, modules trained in full but for the embedding and the output layer) and tensors that are
 * missing, unexpected or of the wrong shape are refused by name, and the model is left as it was.
 *
 * @throws ModelFolderError, AdapterError, SafetensorsError, HubError
 */
export async function loadAdapter({
  model,
  folder: folderOrId,
  hub,
  trainable = false,
}: {
  model: AdaptableModel;
  /** A folder, or an id of the Hugging Face Hub. */
  folder: string;
  /** How an id of the hub is resolved: revision, token, progress. */
  hub?: HubOptions;
  /** Whether to go on training it; the base is frozen then. Default false. */
  trainable?: boolean;
}): Promise<void> {
  const folder = await resolveModelFolder({ ...hub, folder: folderOrId });
  const path = join(folder, configFile);
  const config = await readJsonObject({ path });
  if (config === null)
    throw new ModelFolderError({
      code: 'not-found',
      path,
      message: `is not there. A PEFT adapter folder holds ${configFile} and ${weightsFile}.`,
    });
  const settings = parseConfig({ schema: adapterConfig, config, path, subject: 'adapter' });
  const adapted = settings.target_modules ?? ownValue(defaultTargets, model.modelType);
  if (adapted === undefined)
    throw new ModelFolderError({
      code: 'invalid-config',
      path,
      message: `target_modules is not set, and PEFT has no default for a ${model.modelType}. Write the names of the adapted layers there.`,
    });
  const modules = Array.isArray(settings.modules_to_save) ? settings.modules_to_save : [];
  const names = configuredLayers({
    model,
    targets: adapted,
    exclude: settings.exclude_modules ?? [],
    savedWhole: modules,
    layers: listOf<number>(settings.layers_to_transform),
    layersPatterns: listOf<string>(settings.layers_pattern),
    path,
  });
  const tokens = configuredTokens({ model, indices: settings.trainable_token_indices || undefined, path });
  checkWholeModules({ model, modules, tiedByPeft: settings.ensure_weight_tying === true, path });
  if (modules.length > 0 && tokens.size > 0)
    throw new ModelFolderError({
      code: 'unsupported-config',
      path,
      message:
        'modules_to_save and trainable_token_indices together are not supported: a table is trained in full or by rows.',
    });
  const rankOf = patternValues({ patterns: settings.rank_pattern, field: 'rank_pattern', path });
  const alphaOf = patternValues({ patterns: settings.alpha_pattern, field: 'alpha_pattern', path });
  const own = (name: string) => ({ rank: rankOf(name) ?? settings.r, alpha: alphaOf(name) ?? settings.lora_alpha });
  const tiedNames = new Map(
    [...model.structure.linearLayers.values()]
      .filter((layer) => layer.tied)
      .map((layer) => [`${layer.name}.weight`, layer.weight.declaration.name]),
  );
  const weightsPath = join(folder, weightsFile);
  const file = await openSafetensors({ path: weightsPath });
  try {
    const expected = new Map<string, { own: string; shape: number[] }>();
    for (const name of names) {
      const layer = model.structure.linearLayers.get(name);
      if (layer === undefined) continue;
      const parameter = adapterParameterNames(name);
      expected.set(`${prefix}${parameter.down}`, { own: parameter.down, shape: [own(name).rank, layer.inputWidth] });
      expected.set(`${prefix}${parameter.up}`, { own: parameter.up, shape: [layer.outputWidth, own(name).rank] });
    }
    for (const [table, ids] of tokens)
      expected.set(`${prefix}${tokenRowsName(table)}`, {
        own: tokenRowsName(table),
        shape: [ids.length, model.dimensions.width],
      });
    const whole = [
      ...new Set([
        ...tokenTables({ model }).map(({ name, weight }) => [name, weight] as const),
        [model.head.name, model.head.weight.declaration.name] as const,
      ]),
    ];
    for (const [name, weight] of whole) {
      if (modules.some((target) => isNamed({ name, target })))
        expected.set(`${prefix}${name}.weight`, { own: weight, shape: [...model.parameters.get(weight).shape] });
    }
    const missing = [...expected.keys()].filter((name) => !file.has(name));
    if (missing.length > 0)
      throw new ModelFolderError({
        code: 'missing-tensor',
        path: weightsPath,
        message: `lacks ${missing.length} of ${expected.size} tensors${modules.length > 0 ? ` (with those of modules_to_save: ${modules.join(', ')})` : ''}: ${missing.slice(0, 8).join(', ')}.`,
      });
    // PEFT also saves base weights that it takes to be changed (`save_embedding_layers`), and puts them back on loading.
    for (const name of file.names) {
      const base = name.slice(prefix.length).replace('.base_layer.', '.');
      const declaration = model.structure.declarations.get(tiedNames.get(base) ?? base);
      if (name.startsWith(prefix) && declaration !== undefined)
        expected.set(name, { own: declaration.name, shape: [...declaration.shape] });
    }
    const unexpected = file.names.filter((name) => !expected.has(name));
    if (unexpected.length > 0) {
      throw new ModelFolderError({
        code: 'unexpected-tensor',
        path: weightsPath,
        message: `holds ${unexpected.length} tensors that this model has no place for: ${unexpected.slice(0, 8).join(', ')}. Only adapters on linear layers, and the base weights that PEFT saves with them, are supported.`,
      });
    }
    for (const [name, { shape }] of expected) {
      const present = file.entry(name).shape;
      if (!tf.util.arraysEqual([...present], shape))
        throw new ModelFolderError({
          code: 'shape-mismatch',
          path: weightsPath,
          message: `${name} is [${present.join(', ')}] where this model needs [${shape.join(', ')}]. Was the adapter made for another model, or for a larger vocabulary (resizeEmbeddings)?`,
        });
    }
    const values = new Map<string, Float32Array>();
    for (const [name, { own: parameter }] of expected) {
      const read = await file.readFloat32(name);
      const before = values.get(parameter);
      if (before?.some((value, index) => value !== read[index])) {
        throw new ModelFolderError({
          code: 'unexpected-tensor',
          path: weightsPath,
          message: `${name} is not what ${parameter} is, though this model's output layer shares the embedding's weight: the adapter trained them apart. Untie them first (tie_word_embeddings: false), with a weight of its own for the output layer.`,
        });
      }
      values.set(parameter, read);
    }
    addLora({
      model,
      targets: names,
      rank: settings.r,
      alpha: settings.lora_alpha,
      dropout: settings.lora_dropout,
      rankStabilised: settings.use_rslora,
      tokens: modules.length > 0 ? 'all' : tokens,
      trainTokens: trainable,
      perLayer: new Map(names.map((name) => [name, own(name)])),
      freezeBase: trainable,
    });
    for (const [parameter, data] of values) {
      const variable = model.parameters.get(parameter);
      if (model.structure.declarations.has(parameter))
        tf.tidy(() => replaceBaseWeight({ model, name: parameter, value: tf.tensor(data, variable.shape) }));
      else {
        tf.tidy(() => variable.assign(tf.tensor(data, variable.shape)));
        variable.trainable = trainable;
      }
    }
  } finally {
    await file.close();
  }
}
