/**
 * A record's own property, ignoring inherited ones. Use it to look up names that come from files (`constructor`,
 * `__proto__`, `toString`).
 */
export function ownValue<Value>(record: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
