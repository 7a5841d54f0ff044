import type { SampleFile } from './sample-file';
import type { SampleRecord } from './sample-record';

/** What an evaluation needs of a samples file. */
export type SampleStore = Pick<SampleFile, 'path' | 'finished' | 'append'>;

/** Samples that are kept nowhere but here. */
export function memorySamples(): SampleStore {
  const finished = new Map<string, SampleRecord>();
  return {
    path: 'memory',
    finished,
    append: (record) => Promise.resolve(void finished.set(record.id, record)),
  };
}
