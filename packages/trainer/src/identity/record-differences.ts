import { readTextFile } from '@subtext/core/node';
import { join } from 'node:path';

import { flattenRecord } from '../runs/flatten-record';
import { settingsPart } from './identify-run';

/** The largest `configuration.json` that is read, in bytes. */
const MOST_BYTES = 16 * 2 ** 20;

/** What is not the same as in the run that a folder holds: keys of its record with both values, then other parts of its identity. */
export async function recordDifferences({
  record,
  incidental,
  folder,
  parts,
}: {
  /** What the run was asked for. */ record: Readonly<Record<string, unknown>>;
  /** Keys of the record that leave the result as it is. */ incidental: readonly string[];
  folder: string;
  /** Parts of the identity that differ. */ parts: readonly string[];
}): Promise<string[]> {
  const before = flattenRecord(
    JSON.parse(await readTextFile({ path: join(folder, 'configuration.json'), maximumBytes: MOST_BYTES })),
  );
  const now = flattenRecord(JSON.parse(JSON.stringify(record)));
  const decides = (key: string) => !incidental.some((one) => key === one || key.startsWith(`${one}.`));
  const keys = [...new Set([...before.keys(), ...now.keys()])]
    .filter((key) => decides(key) && before.get(key) !== now.get(key))
    .sort();
  const named = keys.map((key) => `${key} is ${now.get(key) ?? 'left out'}, was ${before.get(key) ?? 'left out'}`);
  const others = parts.filter((part) => part !== settingsPart || keys.length === 0);
  return [...named, ...others.map((part) => `${part} (other content)`)];
}
