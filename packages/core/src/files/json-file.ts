import { writeFileAtomically } from './atomic-file';

/**
 * Writes JSON so that the file appears whole or not at all.
 *
 * @throws FileError
 */
export async function writeJsonFile({ path, value }: { path: string; value: unknown }): Promise<void> {
  await writeFileAtomically({ path, data: `${JSON.stringify(value, null, 2)}\n` });
}
