/**
 * Marks the imported memory as shared, as required for threads: sets the flag in the limits of the module's only import,
 * `env.memory`, which start with 0x01 (has a maximum).
 */
export function importSharedMemory(bytes: Uint8Array): void {
  const name = [...'memory'].map((character) => character.charCodeAt(0));
  const pattern = [name.length, ...name, 0x02, 0x01];
  const at = bytes.findIndex((_, index) => pattern.every((byte, offset) => bytes[index + offset] === byte));
  bytes[at + pattern.length - 1] = 0x03;
}
