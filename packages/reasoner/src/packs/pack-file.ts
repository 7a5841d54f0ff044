import { describeIssues, parseJson } from '@subtext/core';
import { openSafetensors, SafetensorsError, type SafetensorsFile, writeSafetensors } from '@subtext/safetensors';
import { z } from 'zod';

import { ReasonerError } from '../errors';
import type { KnowledgePack, PackTensor } from './knowledge-pack';

/** What the metadata's entry `subtext-pack` holds; its `format` is raised when older readers would read it wrong. */
const packRecord = z.object({
  format: z.literal(1),
  form: z.enum(['cache', 'thoughts']),
  model: z.string().regex(/^[0-9a-f]{64}$/),
  places: z.array(z.number().int().min(0)).min(1),
  span: z
    .number()
    .int()
    .min(1)
    .max(2 ** 24),
  documents: z.array(z.string()),
  seed: z.number().int(),
  steps: z.number().int().min(0),
});

const entry = 'subtext-pack';

/**
 * Writes a pack as a safetensors file of float32 tensors `[positions, width]`: `keys.0`, `values.0`, `keys.1` …, or
 * `vectors`. Its metadata say what it is, which model it is for, and of what it was made.
 *
 * @throws SafetensorsError
 */
export async function savePack({ path, pack }: { path: string; pack: KnowledgePack }): Promise<void> {
  const { tensors, places, ...rest } = pack;
  const record: z.input<typeof packRecord> = {
    format: 1,
    ...rest,
    documents: [...rest.documents],
    places: [...places],
  };
  await writeSafetensors({
    path,
    tensors: new Map(
      tensors.map(({ name, width, values }) => [
        name,
        { dtype: 'F32' as const, shape: [places.length, width], data: values },
      ]),
    ),
    metadata: { [entry]: JSON.stringify(record) },
  });
}

/** Reads a pack. @throws ReasonerError `not-a-pack`, for a file that is broken, too */
export async function loadPack({ path }: { path: string }): Promise<KnowledgePack> {
  const wrong = (why: string, cause?: unknown) =>
    new ReasonerError({
      code: 'not-a-pack',
      message: `${path} ${why}. Make a pack with \`subtext pack DOCUMENT --model FOLDER --output ${path}\`.`,
      cause,
    });
  try {
    const file = await openSafetensors({ path });
    try {
      return await readPack({ file, wrong });
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (!SafetensorsError.isInstance(cause)) throw cause;
    throw wrong(cause.code === 'not-found' ? 'is not there' : `is no whole safetensors file: ${cause.message}`, cause);
  }
}

async function readPack({
  file,
  wrong,
}: {
  file: SafetensorsFile;
  wrong: (why: string, cause?: unknown) => ReasonerError;
}): Promise<KnowledgePack> {
  const text = file.metadata[entry];
  if (text === undefined) throw wrong('holds no knowledge pack');
  let value: unknown;
  try {
    value = parseJson({ text, name: entry });
  } catch (cause) {
    throw wrong('is a broken knowledge pack: its metadata are no JSON', cause);
  }
  const read = packRecord.safeParse(value);
  if (!read.success) throw wrong(`is a broken knowledge pack: ${describeIssues(read.error)}`);
  const { format: _format, places, ...record } = read.data;
  const { span } = record;
  if (places.some((place, row) => place >= span || place <= (places[row - 1] ?? -1)))
    throw wrong('is a broken knowledge pack: its places do not rise below its span');
  const tensors: PackTensor[] = [];
  for (const name of namesInOrder(file)) {
    const { shape } = file.entry(name);
    const [rows, width] = shape;
    if (shape.length !== 2 || rows !== places.length || width === 0)
      throw wrong(
        `is a broken knowledge pack: ${name} is [${shape.join(', ')}] where there are ${places.length} positions`,
      );
    const values = await file.readFloat32(name);
    if (!values.every(Number.isFinite))
      throw wrong(`is a broken knowledge pack: ${name} holds numbers that are not finite`);
    tensors.push({ name, width: width!, values });
  }
  if (tensors.length === 0) throw wrong('is a broken knowledge pack: it holds no tensors');
  return { ...record, places: Int32Array.from(places), tensors };
}

/** The file's tensors in the order of their layers, each layer's keys first. */
function namesInOrder(file: SafetensorsFile): string[] {
  const layer = (name: string) => Number(name.slice(name.indexOf('.') + 1));
  return [...file.names].sort((first, second) =>
    layer(first) === layer(second) ? (first < second ? -1 : 1) : layer(first) - layer(second),
  );
}
