import { ownValue } from '@subtext/core';
import { resolveModelFolder, type HubOptions } from '@subtext/hub';
import { openSafetensors } from '@subtext/safetensors';
import { tf } from '@subtext/tensor';
import { join } from 'node:path';

import { ModelFolderError } from '../weights/model-folder-error';
import { parseConfig } from '../weights/read-config';
import { readJsonObject } from '../weights/read-json-object';
import type { AdaptableModel } from './adaptable-model';
import { adapterConfig, defaultTargets } from './adapter-config';
import { adapterParameterNames, addLora, replaceBaseWeight } from './lora';
import { configuredLayers, isNamed, patternValues } from './configured-layers';
import { tokenRowsName, tokenTables } from './token-rows';
import { prefix, configFile, weightsFile } from './adapter-files';
import { configuredTokens, checkWholeModules } from './configured-modules';

/** Reads a PEFT setting that may be a single value, a list or unset. */
function listOf<Value extends string | number>(
  setting: Value | Value[] | object | '' | false | null | undefined,
): Value[] {
  if (Array.isArray(setting)) return setting as Value[];
  return typeof setting === 'number' || (typeof setting === 'string' && setting !== '') ? [setting as Value] : [];
}

/**
 * Loads a PEFT adapter from a folder or the Hub onto a model, as if added with `addLora`. Throws, leaving the model
 * unchanged, for unsupported settings (DoRA, biases, modules trained in full other than the embedding and the output
 * layer) and for missing, unexpected or wrongly shaped tensors.
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
  /** A folder or a Hugging Face Hub id. */
  folder: string;
  /** Hub options: revision, token, progress. */
  hub?: HubOptions;
  /** Whether the adapter is trainable; the base is then frozen. Default false. */
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
      message: `target_modules is not set, and PEFT has no default for a ${model.modelType}. Set it to the names of the adapted layers.`,
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
    // PEFT also saves base weights that it assumes have changed (`save_embedding_layers`), and restores them on
    // loading.
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
        message: `holds ${unexpected.length} tensors that do not belong to this model: ${unexpected.slice(0, 8).join(', ')}. Only adapters on linear layers, and the base weights that PEFT saves with them, are supported.`,
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
          message: `${name} differs from ${parameter}, but this model's output layer shares the embedding's weight: the adapter was trained with the two untied. Untie them first (tie_word_embeddings: false), with a separate weight for the output layer.`,
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
