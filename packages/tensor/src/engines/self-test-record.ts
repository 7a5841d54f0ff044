import type { EngineDevice, EngineName } from './engine';
import { engineHome } from './engine-home';

/** An engine on a device. */
export interface TestedDevice {
  engine: EngineName;
  device: EngineDevice;
}

/** File that records which devices passed the self-test, by engine and device name (with version). Node only. */
async function recordFile(): Promise<string> {
  const { join } = await import('node:path');
  return join(await engineHome(), 'self-tests.json');
}

const keyOf = ({ engine, device }: TestedDevice) => `${engine}: ${device.name}`;

async function passedKeys(): Promise<string[]> {
  const { readFile } = await import('node:fs/promises');
  try {
    const { passed } = JSON.parse(await readFile(await recordFile(), 'utf8')) as { passed?: unknown };
    return Array.isArray(passed) ? passed.filter((key): key is string => typeof key === 'string') : [];
  } catch {
    // Missing or unreadable: nothing has passed.
    return [];
  }
}

/** Whether an engine has passed the self-test on this device of this machine. False outside Node. */
export async function passedSelfTest(tested: TestedDevice): Promise<boolean> {
  if (typeof process === 'undefined' || !process.versions?.node) return false;
  return (await passedKeys()).includes(keyOf(tested));
}

/**
 * Records that an engine passed the self-test on a device, or deletes the record. `auto` chooses a GPU only if it passed.
 * Writes to the engines folder (`$SUBTEXT_ENGINES`, else the user's cache folder). Node only.
 */
export async function rememberSelfTest({ passed, ...tested }: TestedDevice & { passed: boolean }): Promise<void> {
  const [{ mkdir }, { dirname }, { writeFileAtomically }] = await Promise.all([
    import('node:fs/promises'),
    import('node:path'),
    import('@subtext/core/node'),
  ]);
  const others = (await passedKeys()).filter((key) => key !== keyOf(tested));
  const path = await recordFile();
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomically({
    path,
    data: `${JSON.stringify({ passed: passed ? [...others, keyOf(tested)] : others }, null, 2)}\n`,
  });
}
