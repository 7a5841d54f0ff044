import { describe, expect, it } from 'vitest';

import { crc32c, maskedCrc32c } from './crc32c';
import { readEvents, scalarRecord, versionRecord } from './event-records';

/** Written by TensorBoard 2.21's own RecordWriter (tooling/parity/read_event_files.py --vector). */
const written =
  '1800000000000000a37f4b220900001040fc54d9411a0d627261696e2e4576656e743a32338d2fe9' +
  '2f000000000000006d5d1d500900006040fc54d941100a2a220a0b0a046c6f7373150000003f0a130a0c6c6561726e696e6752617465156f12833a2fd6b3b6' +
  '2400000000000000422b804d0900008040fc54d9411080bcc1960b2a130a110a0a5665726c7573742fc3bc150000c07f451562c7';

const records = () => [
  versionRecord({ wallTime: 1700000000.25 }),
  scalarRecord({ wallTime: 1700000001.5, step: 10, scalars: { loss: 0.5, learningRate: 0.001 } }),
  scalarRecord({ wallTime: 1700000002, step: 3_000_000_000, scalars: { 'Verlust/ü': NaN } }),
];

describe('CRC-32C', () => {
  it.each([
    ['nothing', new Uint8Array(0), 0, 0xa282ead8],
    // RFC 3720, appendix B.4.
    ['32 zeros', new Uint8Array(32), 0x8a9136aa, 0x0fd7fffa],
    ['0 to 31', Uint8Array.from({ length: 32 }, (_, index) => index), 0x46dd794e, 0x951f7892],
    ['123456789', Buffer.from('123456789'), 0xe3069283, 0xc78ab0e5],
  ])('of %s is that of the standard, masked that of TensorBoard', (_, bytes, plain, masked) => {
    expect(crc32c(bytes)).toBe(plain);
    expect(maskedCrc32c(bytes)).toBe(masked);
  });
});

describe('event records', () => {
  it('are the bytes that TensorBoard writes', () => {
    expect(Buffer.concat(records()).toString('hex')).toBe(written);
  });

  it('are read back', () => {
    const events = readEvents(Buffer.from(written, 'hex'));
    expect(events).toMatchObject([
      { fileVersion: 'brain.Event:2', wallTime: 1700000000.25, step: 0, scalars: {} },
      { wallTime: 1700000001.5, step: 10, scalars: { loss: 0.5, learningRate: Math.fround(0.001) } },
      { step: 3_000_000_000, scalars: { 'Verlust/ü': NaN } },
    ]);
    expect(events.at(-1)!.end).toBe(written.length / 2);
  });

  it('are read up to the first that is torn or broken', () => {
    const [version, first, second] = records().map((record) => Buffer.from(record)) as [Buffer, Buffer, Buffer];
    const whole = Buffer.concat([version, first, second]);
    for (let cut = version.length + first.length; cut < whole.length; cut++)
      expect(readEvents(whole.subarray(0, cut)), `cut at ${cut}`).toHaveLength(2);
    for (let at = version.length; at < version.length + first.length; at++) {
      const broken = Buffer.from(whole);
      broken[at]! ^= 1;
      expect(readEvents(broken), `broken at ${at}`).toHaveLength(1);
    }
  });
});
