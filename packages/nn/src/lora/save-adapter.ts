import { writeJsonFile } from '@subtext/core/node';
import { writeSafetensors, type TensorToWrite } from '@subtext/safetensors';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { AdaptableModel } from './adaptable-model';
import { AdapterError } from './adapter-error';
import { adaptedLayers, adapterParameterNames, loraSettings } from './lora';
import { tokenRowsName, tokenTables } from './token-rows';
import { prefix, configFile, weightsFile } from './adapter-files';

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
  /** Created if it does not exist. */
  folder: string;
  /** Folder or name of the base model, for PEFT's `base_model_name_or_path`. Default none. */
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
    // Also write a tied output layer: PEFT treats the two modules separately.
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
      // A list applies to the embedding, and to a tied output layer.
      trainable_token_indices:
        rowsOf.length === 0
          ? null
          : rowsOf.length === 1 && rowsOf[0]!.name === tables[0]!.name
            ? rowsOf[0]!.rows.ids
            : Object.fromEntries(rowsOf.map(({ name, rows }) => [moduleName(name), rows.ids])),
    },
  });
}

/** The last part of a module's name, which PEFT matches. */
function moduleName(name: string): string {
  return name.split('.').at(-1)!;
}
