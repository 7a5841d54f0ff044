import { redact } from '@subtext/core';

/** Keys that change neither weights nor results: where, how fast, and how often it is saved. What paths lead to counts by its content. */
export const incidentalKeys: readonly string[] = [
  'output',
  'workers',
  'ranks.optimizerState',
  'ranks.deadlineSeconds',
  'engine',
  'logs',
  'data.train',
  'data.heldOut',
  'data.validation',
  'data.evaluation',
  'data.overlap',
  'training.checkpointSeconds',
  'training.checkpointSteps',
  'training.keepCheckpoints',
  'model.from',
  'model.vocabulary',
  'interpreters.model.from',
];

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
