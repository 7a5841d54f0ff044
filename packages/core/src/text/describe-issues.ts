import { printable } from './printable';

/** The parts of a zod issue that are used here. */
export interface SchemaIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Describes one zod issue: where it is, and what is expected there. */
export function describeIssue({ path, message }: SchemaIssue): string {
  const missing = /^Invalid input: (expected .*), received undefined$/s.exec(message);
  const said = missing ? `is missing (${missing[1]})` : message.replace(/^Invalid input: /, '');
  return `${path.length === 0 ? 'as a whole' : printable(path.map(String).join('.'))}: ${said}`;
}

/**
 * Describes the first issues of a schema in one line.
 *
 * @param options.most how many to list; the rest are only counted. Default 3
 */
export function describeIssues({ issues, most = 3 }: { issues: readonly SchemaIssue[]; most?: number }): string {
  const shown = issues.slice(0, most).map(describeIssue);
  return `${shown.join('; ')}${issues.length > most ? `; and ${issues.length - most} more` : ''}`;
}
