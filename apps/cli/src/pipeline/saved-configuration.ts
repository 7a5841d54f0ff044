import { redact } from '@subtext/core';
import { readTextFile } from '@subtext/core/node';
import { join } from 'node:path';

import { flatten } from '../training-runs/compare-runs';
import { hasNoEffect } from './fingerprint';

/**
 * A configuration as it is kept in a run's folder and told to loggers: without what may be secret, since both are passed
 * on. The options of loggers keep their names, and passwords in addresses go.
 */
export function withoutSecrets(configuration: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const copy = JSON.parse(redact({ text: JSON.stringify(configuration), secrets: [] })) as Record<string, unknown>;
  const { modules } = (copy.logs ?? {}) as { modules?: (string | { options?: unknown })[] };
  for (const module of modules ?? []) if (typeof module === 'object') module.options = hidden(module.options);
  return copy;
}

function hidden(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(hidden);
  if (typeof value !== 'object' || value === null) return '***';
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, hidden(inner)]));
}

/** `configuration.json`. */
export function configurationText(configuration: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify(withoutSecrets(configuration), null, 2)}\n`;
}

/** What is not the same as in the run that a folder holds: keys of the configuration with both values, then other parts. */
export async function differencesFrom({
  configuration,
  folder,
  parts,
}: {
  configuration: Readonly<Record<string, unknown>>;
  folder: string;
  /** Parts of the fingerprint that differ. */ parts: readonly string[];
}): Promise<string[]> {
  const before = flatten(
    JSON.parse(await readTextFile({ path: join(folder, 'configuration.json'), maximumBytes: 16 * 2 ** 20 })),
  );
  const now = flatten(withoutSecrets(configuration));
  const keys = [...new Set([...before.keys(), ...now.keys()])]
    .filter((key) => !hasNoEffect(key) && before.get(key) !== now.get(key))
    .sort();
  const others = parts.filter((part) => part !== 'configuration');
  return [
    ...keys.map((key) => `${key} is ${now.get(key) ?? 'left out'}, was ${before.get(key) ?? 'left out'}`),
    ...others.map((part) => `${part} has changed`),
  ];
}
