import { compilePattern, PatternError } from '@subtext/core';
import type { AdaptableModel } from './adaptable-model';
import { ModelFolderError } from '../weights/model-folder-error';
import { shown } from '../weights/read-config';
import { resolveTargetModules } from './target-modules';

/** Whether a name equals the target or ends with it after a dot, as PEFT matches module names. */
export function isNamed({ name, target }: { name: string; target: string }): boolean {
  return name === target || name.endsWith(`.${target}`);
}

/**
 * Compiles a regular expression from a folder, in Python's dialect as PEFT reads it, with bounded matching time. It
 * must match the whole name.
 *
 * @throws ModelFolderError naming the field
 */
function nameTest({ source, field, path }: { source: string; field: string; path: string }): (name: string) => boolean {
  const explained = <Result>(compute: () => Result): Result => {
    try {
      return compute();
    } catch (cause) {
      if (!PatternError.isInstance(cause)) throw cause;
      throw new ModelFolderError({
        code: 'invalid-config',
        path,
        message: `${field}: ${shown(source)} is not a supported regular expression: ${cause.message}`,
        cause,
      });
    }
  };
  const pattern = explained(() => compilePattern({ source, dialect: 'python' }));
  return (name) => explained(() => pattern.matchesWhole(name));
}

/**
 * Resolves `rank_pattern` and `alpha_pattern` as PEFT does: the first key that matches the end of the name, after a
 * dot.
 */
export function patternValues({
  patterns,
  field,
  path,
}: {
  patterns: Record<string, number> | null | undefined;
  field: string;
  path: string;
}): (name: string) => number | undefined {
  const tests = Object.entries(patterns ?? {}).map(([key, value]) => ({
    test: nameTest({ source: `(.*\\.)?(${key})`, field, path }),
    value,
  }));
  return (name) => tests.find(({ test }) => test(name))?.value;
}

/**
 * The index of the block that contains a layer, as PEFT finds it: the first numeric part of the name with two parts
 * before it, or, with `layers_pattern`, directly after one of those.
 */
function blockNumber({
  name,
  containers,
}: {
  name: string;
  /** Tests for the part of the name before the number. */ containers: readonly ((before: string) => boolean)[];
}): number | undefined {
  const parts = name.split('.');
  const numbered = parts.flatMap((part, index) => (/^\d+$/.test(part) && index < parts.length - 1 ? [index] : []));
  const before = (index: number) => parts.slice(0, index).join('.');
  if (containers.length === 0) {
    const index = numbered.find((at) => at >= 2);
    return index === undefined ? undefined : Number(parts[index]);
  }
  for (const contains of containers) {
    const index = numbered.find((at) => contains(before(at)));
    if (index !== undefined) return Number(parts[index]);
  }
  return undefined;
}

/**
 * The linear layers selected by an adapter's config, following PEFT's `check_target_module_exists`
 * (`peft/tuners/tuners_utils.py`).
 *
 * @throws ModelFolderError, ModelError
 */
export function configuredLayers({
  model,
  targets,
  exclude,
  savedWhole,
  layers,
  layersPatterns,
  path,
}: {
  model: AdaptableModel;
  /** `target_modules` */ targets: string | string[];
  /** `exclude_modules` */ exclude: string | string[];
  /** `modules_to_save`: modules trained in full have no adapter. */ savedWhole: readonly string[];
  /** `layers_to_transform`; empty means all. */ layers: readonly number[];
  /** `layers_pattern` */ layersPatterns: readonly string[];
  /** Path of the config, for error messages. */ path: string;
}): string[] {
  const fail = (message: string): never => {
    throw new ModelFolderError({ code: 'invalid-config', path, message });
  };
  if (layersPatterns.length > 0 && layers.length === 0)
    fail('layers_pattern is set without layers_to_transform, which PEFT refuses.');
  if (layers.length > 0 && typeof targets === 'string')
    fail('layers_to_transform is set beside a target_modules that is one text, which PEFT refuses: make it a list.');
  const names =
    typeof targets === 'string' && targets !== 'all-linear'
      ? matchingLayers({ model, source: targets, path })
      : resolveTargetModules({ model, targets: targets as string[] | 'all-linear', passOverAbsent: true });
  const excluded =
    typeof exclude === 'string'
      ? exclude === ''
        ? () => false
        : nameTest({ source: exclude, field: 'exclude_modules', path })
      : (name: string) => exclude.some((target) => isNamed({ name, target }));
  const containers = layersPatterns.map((pattern) =>
    nameTest({ source: `(?:.*\\.)?(?:${pattern})`, field: 'layers_pattern', path }),
  );
  const inBlock = (name: string) => {
    if (layers.length === 0) return true;
    const block = blockNumber({ name, containers });
    return block !== undefined && layers.includes(block);
  };
  const chosen = names.filter(
    (name) => !excluded(name) && !savedWhole.some((target) => isNamed({ name, target })) && inBlock(name),
  );
  if (chosen.length === 0)
    fail(
      `leaves no layer to adapt: of ${names.length} that target_modules names, exclude_modules, modules_to_save and layers_to_transform (${layers.join(', ') || 'all'}) leave none.`,
    );
  return chosen;
}

function matchingLayers({ model, source, path }: { model: AdaptableModel; source: string; path: string }): string[] {
  const matches = nameTest({ source, field: 'target_modules', path });
  const all = [...model.structure.linearLayers.keys()];
  const names = all.filter((name) => matches(name));
  if (names.length === 0)
    throw new ModelFolderError({
      code: 'invalid-config',
      path,
      message: `target_modules: ${shown(source)} matches the whole name of no linear layer; one of them is ${all[0]}.`,
    });
  return names;
}
