import type { LanguageModel } from '@subtext/model';

/** Values of each parameter that are looked at, evenly spread over it: no two trained models agree in all of them. */
const sampled = 256;

/**
 * What a model is told from others by: SHA-256, as hexadecimal digits, of its type, its sizes and of values of every
 * parameter. Another step of training, another adapter, or weights stored in fewer bits give another one.
 */
export async function modelFingerprint(model: LanguageModel): Promise<string> {
  const { width, layers, vocabularySize } = model.dimensions;
  const parts: Uint8Array[] = [textBytes(JSON.stringify([model.modelType, width, layers, vocabularySize]))];
  const entries = [...model.parameters.entries()].sort(([first], [second]) => (first < second ? -1 : 1));
  for (const [name, variable] of entries) {
    const values = await variable.data();
    const count = Math.min(sampled, values.length);
    const some = Float32Array.from(
      { length: count },
      (_, index) => values[Math.floor((index * values.length) / count)]!,
    );
    parts.push(textBytes(JSON.stringify([name, variable.shape])), new Uint8Array(some.buffer));
  }
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  const digest = await globalThis.crypto.subtle.digest('SHA-256', joined);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const textBytes = (text: string): Uint8Array => new TextEncoder().encode(text);
