/**
 * The value that a record has under a name of its own; undefined for what it inherits. Names that come from files
 * (`constructor`, `__proto__`, `toString`) must be looked up by this.
 */
export function ownValue<Value>(record: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
