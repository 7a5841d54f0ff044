import { writeFileAtomically } from './atomic-file';

/**
 * Writes a value as JSON, atomically.
 *
 * @throws FileError
 */
export async function writeJsonFile({ path, value }: { path: string; value: unknown }): Promise<void> {
  await writeFileAtomically({ path, data: `${JSON.stringify(value, null, 2)}\n` });
}
