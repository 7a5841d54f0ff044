import { readRecords, RecordFile } from './record-file';
import { isSampleRecord } from './result-schema';
import type { SampleRecord } from './sample-record';

/** A samples file that can be resumed. */
export type SampleFile = RecordFile<SampleRecord>;

/**
 * Opens a samples file, new or begun.
 *
 * @throws EvaluationError invalid-result-file for a broken line before the last, with its number.
 */
export async function openSampleFile({ path }: { path: string }): Promise<SampleFile> {
  return await RecordFile.open<SampleRecord>({ path, isRecord: isSampleRecord });
}

/**
 * Reads a whole samples file.
 *
 * @throws EvaluationError invalid-result-file for a broken line, with its number.
 */
export async function readSamples({ path }: { path: string }): Promise<SampleRecord[]> {
  return await readRecords<SampleRecord>({ path, isRecord: isSampleRecord });
}
