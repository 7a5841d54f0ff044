import { printable } from './printable';

/** A fault that a zod schema found; only what is read of it. */
export interface SchemaIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** One fault of a schema in words: where, and what is expected there. */
export function describeIssue({ path, message }: SchemaIssue): string {
  const missing = /^Invalid input: (expected .*), received undefined$/s.exec(message);
  const said = missing ? `is missing (${missing[1]})` : message.replace(/^Invalid input: /, '');
  return `${path.length === 0 ? 'as a whole' : printable(path.map(String).join('.'))}: ${said}`;
}

/**
 * The first faults that a schema found, in one line.
 *
 * @param options.most how many are told; of the others only the number. Default 3
 */
export function describeIssues({ issues, most = 3 }: { issues: readonly SchemaIssue[]; most?: number }): string {
  const shown = issues.slice(0, most).map(describeIssue);
  return `${shown.join('; ')}${issues.length > most ? `; and ${issues.length - most} more` : ''}`;
}
