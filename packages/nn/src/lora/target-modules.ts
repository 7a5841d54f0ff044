import type { AdaptableModel } from './adaptable-model';
import { AdapterError } from './adapter-error';

/**
 * Which layers to adapt, as in PEFT's `target_modules`: names, each matching a layer's full name or its end after a dot
 * (`q_proj`); a regular expression that must match the full name; or `all-linear`, every linear layer but the output
 * layer.
 */
export type TargetModules = readonly string[] | RegExp | 'all-linear';

/** The projections of a Llama block, and Phi-3's fused ones. */
const llamaProjections: readonly string[] = [
  'q_proj',
  'k_proj',
  'v_proj',
  'qkv_proj',
  'o_proj',
  'gate_proj',
  'up_proj',
  'gate_up_proj',
  'down_proj',
];

/** The default target modules. */
export function defaultTargetModules({ model }: { model: AdaptableModel }): TargetModules {
  const names = [...model.structure.linearLayers.keys()];
  const present = llamaProjections.filter((target) => names.some((name) => name.endsWith(`.${target}`)));
  return present.length > 0 ? present : 'all-linear';
}

/** Anchors a regular expression at both ends. */
function wholeName(pattern: RegExp): RegExp {
  return new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gy]/g, ''));
}

/** The names of the linear layers that `targets` selects, in model order. */
export function resolveTargetModules({
  model,
  targets,
  passOverAbsent = false,
}: {
  model: AdaptableModel;
  targets: TargetModules;
  /** Whether to ignore listed names that do not exist as long as any does, as PEFT does. Default false. */
  passOverAbsent?: boolean;
}): string[] {
  const names = [...model.structure.linearLayers.keys()];
  const available = `The linear layers' names end in: ${[...new Set(names.map((name) => name.split('.').at(-1)))].join(', ')}.`;
  if (targets === 'all-linear') return names.filter((name) => name !== model.head.name);
  if (targets instanceof RegExp) {
    const pattern = wholeName(targets);
    const matched = names.filter((name) => pattern.test(name));
    if (matched.length === 0)
      throw new AdapterError({
        code: 'unknown-layer',
        message: `No linear layer's whole name matches ${String(targets)}. ${available}`,
      });
    return matched;
  }
  if (targets.length === 0)
    throw new AdapterError({ code: 'invalid-option', message: `No layer is named to adapt. ${available}` });
  const embedding = model.tokenEmbedding.weight.declaration.name.replace(/\.weight$/, '');
  const matches = (name: string, target: string) => name === target || name.endsWith(`.${target}`);
  for (const target of targets) {
    if (names.some((name) => matches(name, target))) continue;
    if (matches(embedding, target)) {
      throw new AdapterError({
        code: 'unknown-layer',
        message: `"${target}" is the token embedding: low-rank adapters go on linear layers. Unfreeze the embedding instead. ${available}`,
      });
    }
    if (!passOverAbsent)
      throw new AdapterError({ code: 'unknown-layer', message: `No linear layer is named "${target}". ${available}` });
  }
  const matched = names.filter((name) => targets.some((target) => matches(name, target)));
  if (matched.length === 0)
    throw new AdapterError({
      code: 'unknown-layer',
      message: `No linear layer is named ${targets.map((target) => `"${target}"`).join(' or ')}. ${available}`,
    });
  return matched;
}
