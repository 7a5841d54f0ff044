import type { HubFileReader } from '@subtext/hub';

import { DataError } from '../errors';
import type { OpenedFile } from './data-file';

/** Bytes that are fetched at once where less is asked for: a question costs tens of milliseconds, whatever its length. */
const blockBytes = 2 ** 22;

/**
 * Opens a file of a data set on the Hugging Face Hub, of which only what is read is fetched, in blocks of 4 MiB of which one is
 * held; nothing is written to this machine.
 *
 * @throws DataError `file-unreadable`, whose cause is what the hub's package says
 */
export async function openOnHub(file: string): Promise<OpenedFile> {
  const { openHubFile } = await import('@subtext/hub');
  const reading = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (cause) {
      throw new DataError({ code: 'file-unreadable', message: `${(cause as Error).message}.`, cause });
    }
  };
  const reader = await reading(() => openHubFile({ address: file }));
  return openedFile({ reader, reading });
}

function openedFile({
  reader,
  reading,
}: {
  reader: HubFileReader;
  reading: <Result>(work: () => Promise<Result>) => Promise<Result>;
}): OpenedFile {
  let block: { start: number; bytes: Uint8Array } = { start: 0, bytes: new Uint8Array() };
  /** Where a read without a position begins. */
  let cursor = 0;
  return {
    stat: () => Promise.resolve({ size: reader.size }),
    close: () => Promise.resolve(),
    async read(into, offset, length, position) {
      const from = position ?? cursor;
      const end = Math.min(from + length, reader.size);
      if (from < block.start || end > block.start + block.bytes.length) {
        const to = Math.max(end, from + blockBytes);
        block = { start: from, bytes: await reading(() => reader.read({ from, to })) };
      }
      const bytes = block.bytes.subarray(from - block.start, Math.max(from, end) - block.start);
      into.set(bytes, offset);
      if (position === null) cursor += bytes.length;
      return { bytesRead: bytes.length };
    },
  };
}
