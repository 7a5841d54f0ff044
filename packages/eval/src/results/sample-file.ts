import { readRecords, RecordFile, type FileRecord } from './record-file';
import type { SampleRecord } from './sample-record';

/** A samples file that can be gone on with. */
export type SampleFile = RecordFile<SampleRecord>;

/**
 * Opens a samples file, new or begun.
 *
 * @throws EvaluationError invalid-result-file for a broken line before the last, with its number.
 */
export async function openSampleFile({ path }: { path: string }): Promise<SampleFile> {
  return await RecordFile.open<SampleRecord>({ path, isRecord: isSample });
}

/**
 * Reads a whole samples file.
 *
 * @throws EvaluationError invalid-result-file for a broken line, with its number.
 */
export async function readSamples(path: string): Promise<SampleRecord[]> {
  return await readRecords<SampleRecord>({ path, isRecord: isSample });
}

function isSample(value: FileRecord): boolean {
  const sample = value as Partial<SampleRecord>;
  return typeof sample.doc_id === 'number' && Array.isArray(sample.metrics);
}
