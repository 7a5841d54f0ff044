import { createHash } from 'node:crypto';
import { EvaluationError } from '../errors';

/**
 * One line of a samples file: lm-evaluation-harness's fields and Subtext's own. The scores stand beside
 * them, each under its metric's name.
 */
export interface SampleRecord {
  /** The sample's place in its task, from 0. */
  doc_id: number;
  /** The example, without pixels. */
  doc: Record<string, unknown>;
  target: string;
  /** The prompt and the settings of generation. */
  arguments: Record<string, unknown>;
  /** What the model wrote. */
  resps: string[][];
  /** What the task took from it; null where nothing could be read. */
  filtered_resps: (string | null)[];
  /** Name of the rule that took it. */
  filter: string;
  /** Names of the scores in this record. */
  metrics: string[];
  doc_hash: string;
  prompt_hash: string;
  target_hash: string;
  /** The example's id, unique in its task. */
  id: string;
  /** Generated tokens, stage tags and thinking tokens included. */
  generated_tokens: number;
  /** Generated tokens without stage tags; a thinking token counts as one. */
  generated_tokens_without_tags: number;
  /** Thinking tokens or continuous thoughts. */
  thoughts: number;
  forward_passes: number;
  seconds: number;
  /** What further rules of the task took from the output, by the rule's name, and whether that is right. */
  filters?: Record<string, { extracted: string | null; correct: boolean }>;
  /** Whether no answer could be read from the output. Such a sample scores 0. */
  unparseable: boolean;
  /** Why the sample could not be run at all, such as a missing image. Such a sample scores 0 and is counted. */
  error?: { code: string; message: string };
  /** The scores. */
  [metric: string]: unknown;
}

/** What {@link makeSampleRecord} needs. */
export interface SampleRecordOptions {
  index: number;
  id: string;
  /** The example, without pixels. */
  document: Record<string, unknown>;
  target: string;
  prompt: string;
  /** Settings of generation. @default none */
  generation?: Record<string, unknown>;
  /** What the model wrote; empty where it failed. */
  output: string;
  /** What the task took from it. */
  extracted: string | null;
  /** @default 'none' */
  filter?: string;
  scores: Record<string, number>;
  /** @default none */
  filters?: Record<string, { extracted: string | null; correct: boolean }>;
  generatedTokens: number;
  generatedTokensWithoutTags: number;
  thoughts: number;
  forwardPasses: number;
  seconds: number;
  /** @default false */
  unparseable?: boolean;
  /** @default none */
  error?: { code: string; message: string };
  /** Further columns of one's own. @default none */
  extra?: Record<string, unknown>;
}

/**
 * A record in the harness's shape, its hashes computed.
 *
 * @throws EvaluationError invalid-option where a score is not finite or hides a field.
 */
export function makeSampleRecord(options: SampleRecordOptions): SampleRecord {
  const { scores, extra = {} } = options;
  const record: SampleRecord = {
    doc_id: options.index,
    doc: options.document,
    target: options.target,
    arguments: { gen_args_0: { arg_0: options.prompt, arg_1: options.generation ?? {} } },
    resps: [[options.output]],
    filtered_resps: [options.extracted],
    filter: options.filter ?? 'none',
    metrics: Object.keys(scores),
    doc_hash: stableHash(options.document),
    prompt_hash: textHash(options.prompt),
    target_hash: textHash(options.target),
    id: options.id,
    generated_tokens: options.generatedTokens,
    generated_tokens_without_tags: options.generatedTokensWithoutTags,
    thoughts: options.thoughts,
    forward_passes: options.forwardPasses,
    seconds: options.seconds,
    unparseable: options.unparseable ?? false,
    ...(options.filters === undefined ? {} : { filters: options.filters }),
    ...(options.error === undefined ? {} : { error: options.error }),
  };
  for (const [name, value] of [...Object.entries(scores), ...Object.entries(extra)]) {
    if (Object.hasOwn(record, name) || name === '__proto__')
      throw new EvaluationError({
        code: 'invalid-option',
        message: `The column "${name}" of sample "${options.id}" would hide a field of the record; name it otherwise.`,
      });
    record[name] = value;
  }
  for (const [name, value] of Object.entries(scores)) {
    if (!Number.isFinite(value))
      throw new EvaluationError({
        code: 'invalid-option',
        message: `The score "${name}" of sample "${options.id}" is ${value}; a sample without a score counts as 0.`,
      });
  }
  return record;
}

/** The score of a record; a sample without it is an error, never a silent zero. */
export function scoreOf(record: SampleRecord, metric: string): number {
  const value = record[metric];
  if (typeof value !== 'number') {
    throw new EvaluationError({
      code: 'invalid-result-file',
      message: `Sample "${record.id}" has no score "${metric}"; it has ${record.metrics.join(', ') || 'none'}.`,
    });
  }
  return value;
}

/** SHA-256 of a text. */
export function textHash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** SHA-256 of a value's JSON with sorted keys: the same for equal values. */
export function stableHash(value: unknown): string {
  return textHash(
    JSON.stringify(value, (_, part: unknown) =>
      typeof part === 'object' && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
        : part,
    ) ?? 'undefined',
  );
}
