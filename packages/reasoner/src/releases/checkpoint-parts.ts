import { printable } from '@subtext/core';

import { ReasonerError } from '../errors';

/** Whose code wrote a checkpoint. */
export type ReleaseName = 'coconut' | 'codi' | 'sim-cot';

/** The two matrices of a low-rank adapter, by their names in the checkpoint. */
export interface AdapterNames {
  /** `[rank, input]` */ a: string;
  /** `[output, rank]` */ b: string;
}

/** What the tensors of a checkpoint are, by their names. */
export interface CheckpointParts {
  /** How its model thinks: Coconut's continuous thoughts, CODI's, or a chain in words (Coconut's stage 0). */
  kind: 'coconut' | 'codi' | 'cot';
  /** Whether an auxiliary decoder supervised its thoughts (SIM-CoT). */
  supervised: boolean;
  /** The model's tensors: transformers' name to the checkpoint's. */
  model: ReadonlyMap<string, string>;
  /** Adapters that are not merged, by the module they belong to. */
  adapters: ReadonlyMap<string, AdapterNames>;
  /** Of the projection before a state is fed back: our name to the checkpoint's. Empty where there is none. */
  projection: ReadonlyMap<string, string>;
  /** Tensors of the auxiliary decoder, which thinking does not need. */
  leftOut: readonly string[];
}

/** Prefixes that wrappers of PyTorch put before every name: data parallel, sharded, compiled. */
const wrappers = /^(?:module\.|_fsdp_wrapped_module\.|_orig_mod\.)+/;
/** SIM-CoT's decoder and what joins it to the model, by Coconut's and CODI's code (the misspelling is theirs). */
const auxiliary = /^(?:expainable_llm|explainable_llm|decoder|pj_in|pj_out)\./;
/** The projection's modules in CODI's `nn.Sequential`, where 0 is a dropout and 2 the activation. */
const projectionNames: Readonly<Record<string, string>> = {
  'prj.1.': 'hidden.',
  'prj.3.': 'output.',
  'prj.ln.': 'norm.',
};
/** What CODI calls a tensor of the projection. */
export function codiName(name: string): string {
  const [theirs, ours] = Object.entries(projectionNames).find(([, start]) => name.startsWith(start)) ?? ['', ''];
  return theirs + name.slice(ours.length);
}

const languageModel = /^(?:transformer\.(?:wte|h\.)|model\.(?:embed_tokens|layers\.)|lm_head\.)/;

const unknown = (path: string, message: string) =>
  new ReasonerError({ code: 'unknown-checkpoint', message: `${path} ${message}` });

/**
 * Tells by its names what a checkpoint is: `base_causallm.*` (Coconut; with `expainable_llm.*` SIM-CoT), `codi.*` and
 * `prj.*` (CODI; with `decoder.*` SIM-CoT), or a plain language model (Coconut's stage 0, trained on chains in words).
 *
 * @throws ReasonerError `unknown-checkpoint` where it is none of them, or holds what would be lost
 */
export function checkpointParts({ names, path }: { names: readonly string[]; path: string }): CheckpointParts {
  const bare = new Map(names.map((name) => [name.replace(wrappers, ''), name]));
  const has = (prefix: string) => [...bare.keys()].some((name) => name.startsWith(prefix));
  const kind = has('codi.') ? 'codi' : has('base_causallm.') ? 'coconut' : 'cot';
  if (kind === 'cot' && ![...bare.keys()].some((name) => languageModel.test(name)))
    throw unknown(
      path,
      `is no checkpoint of Coconut, CODI or SIM-CoT: it has no tensors named base_causallm.*, codi.* or as a language model's. Its first are ${printable(names.slice(0, 4).join(', '))}.`,
    );
  const model = new Map<string, string>();
  const adapters = new Map<string, Partial<AdapterNames>>();
  const projection = new Map<string, string>();
  const leftOut: string[] = [];
  const lost: string[] = [];
  for (const [name, source] of bare) {
    const own = ownName(name, kind);
    const [prefix] = Object.keys(projectionNames).filter((start) => kind === 'codi' && name.startsWith(start));
    const adapter = own === undefined ? null : /^(.+)\.lora_([AB])\.default\.weight$/.exec(own);
    if (adapter) {
      const [, module, part] = adapter as unknown as [string, string, 'A' | 'B'];
      adapters.set(module, { ...adapters.get(module), [part === 'A' ? 'a' : 'b']: source });
    } else if (own !== undefined) model.set(own, source);
    else if (prefix !== undefined) projection.set(projectionNames[prefix]! + name.slice(prefix.length), source);
    else if (kind !== 'cot' && auxiliary.test(name)) leftOut.push(source);
    // Coconut's wrapper holds the token embedding a second time.
    else if (!(kind === 'coconut' && name === 'embedding.weight')) lost.push(source);
  }
  const halves = [...adapters].filter(([, { a, b }]) => a === undefined || b === undefined);
  if (halves.length > 0) throw unknown(path, `has half an adapter for ${printable(halves[0]![0])}: it was cut short.`);
  if (lost.length > 0)
    throw unknown(
      path,
      `has ${lost.length} tensors that nothing here takes, such as ${printable(lost.slice(0, 4).join(', '))}. Leaving them out would change the model.`,
    );
  return {
    kind,
    supervised: leftOut.length > 0,
    model,
    adapters: adapters as Map<string, AdapterNames>,
    projection,
    leftOut,
  };
}

/** The name that transformers has for a tensor of the thinking model; undefined where it is none. */
function ownName(name: string, kind: CheckpointParts['kind']): string | undefined {
  if (kind === 'cot') return name;
  const prefix = kind === 'codi' ? 'codi.' : 'base_causallm.';
  if (!name.startsWith(prefix)) return undefined;
  return name
    .slice(prefix.length)
    .replace(/^base_model\.model\./, '')
    .replace('.base_layer.', '.');
}
