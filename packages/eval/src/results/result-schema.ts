import { EvaluationError } from '../errors';
import type { SampleRecord } from './sample-record';

/** An object that is no list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isFiniteNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
/** A text, or null for none. */
export const isTextOrNull = (value: unknown): value is string | null => value === null || isText(value);
const listOf = (value: unknown, test: (one: unknown) => boolean): boolean => Array.isArray(value) && value.every(test);
const recordOf = (value: unknown, test: (one: unknown) => boolean): boolean =>
  isRecord(value) && Object.values(value).every(test);

/** Fields of a sample and what each must be. */
const sampleFields: Record<string, (value: unknown) => boolean> = {
  doc_id: isFiniteNumber,
  doc: isRecord,
  target: isText,
  resps: (value) => listOf(value, (one) => listOf(one, isText)),
  filtered_resps: (value) => listOf(value, isTextOrNull),
  filter: isText,
  metrics: (value) => listOf(value, isText),
  doc_hash: isText,
  prompt_hash: isText,
  target_hash: isText,
  id: isText,
  generated_tokens: isFiniteNumber,
  generated_tokens_without_tags: isFiniteNumber,
  thoughts: isFiniteNumber,
  forward_passes: isFiniteNumber,
  seconds: isFiniteNumber,
  unparseable: (value) => typeof value === 'boolean',
};
const optionalFields: Record<string, (value: unknown) => boolean> = {
  error: (value) => isRecord(value) && isText(value.code) && isText(value.message),
  filters: (value) =>
    recordOf(value, (one) => isRecord(one) && isTextOrNull(one.extracted) && typeof one.correct === 'boolean'),
};

/** Whether a line of a samples file is a sample with all that reports and comparisons read. */
export function isSampleRecord(value: unknown): value is SampleRecord {
  if (!isRecord(value)) return false;
  const own = (name: string) => (Object.hasOwn(value, name) ? value[name] : undefined);
  return (
    Object.entries(sampleFields).every(([name, test]) => test(own(name))) &&
    Object.entries(optionalFields).every(([name, test]) => own(name) === undefined || test(own(name))) &&
    // A metric is a number of the sample's own, and no field of the record.
    (value.metrics as string[]).every(
      (name) => isFiniteNumber(own(name)) && !(name in sampleFields && Object.hasOwn(sampleFields, name)),
    )
  );
}

/**
 * A task's name as a part of a file's name.
 *
 * @throws EvaluationError invalid-result-file for a name that would lead elsewhere
 */
export function fileNamePart(task: string): string {
  if (!/^[\p{L}\p{N}][\p{L}\p{N}._+ -]{0,100}$/u.test(task) || task.includes('..')) {
    throw new EvaluationError({
      code: 'invalid-result-file',
      message: `${JSON.stringify(task).slice(0, 60)} cannot be a task's name: it would not do as a part of a file's name.`,
    });
  }
  return task;
}

/** Whether a value has the parts of a results file that are read: results of tasks by metric, and a date where there is one. */
export function isResultsFile(value: unknown): boolean {
  if (
    !isRecord(value) ||
    !recordOf(value.results, (entry) => recordOf(entry, (one) => isTextOrNull(one) || isFiniteNumber(one)))
  )
    return false;
  return value.date === undefined || isFiniteNumber(value.date);
}

/** Whether a value is one of a list of samples of an audit, as their files keep it. */
export function isThoughtSample(value: unknown): boolean {
  return (
    isRecord(value) &&
    typeof value.correct === 'boolean' &&
    isTextOrNull(value.answer) &&
    isFiniteNumber(value.negativeLogLikelihood)
  );
}

/** The same of an interpreter's. */
export function isInterpreterSample(value: unknown): boolean {
  return (
    isRecord(value) &&
    isText(value.text) &&
    isFiniteNumber(value.factsRight) &&
    isFiniteNumber(value.factsTotal) &&
    isFiniteNumber(value.negativeLogLikelihood)
  );
}
