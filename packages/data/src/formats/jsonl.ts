import { dirname } from 'node:path';
import { imageBytes, imageFile } from '../images/load-image';
import { resolveInside } from '../images/resolve-inside';
import type { ImageReference, ReasoningExample, ReasoningStep } from '../reasoning-example';
import type { ReadFileOptions } from './coconut-json';
import { isOnHub, type FileLimits } from './data-file';
import { ExampleStream } from './example-stream';
import type { FaultKind, FaultLog } from './fault-log';
import { asText, isObject, isText, readJsonLines } from './read-json';

interface RecordFault {
  kind: FaultKind;
  message: string;
}

const fault = (kind: FaultKind, message: string): RecordFault => ({ kind, message });

/** The keys that mean something; others become metadata where they are text, numbers or truth values. */
const known = new Set(['id', 'question', 'image', 'steps', 'answer', 'category', 'choices']);

function readSteps(steps: unknown): ReasoningStep[] | RecordFault {
  if (steps === undefined || steps === null) return [];
  if (!Array.isArray(steps)) return fault('record-malformed', '`steps` is not a list.');
  const read: ReasoningStep[] = [];
  for (const [index, step] of (steps as unknown[]).entries()) {
    const place = `step ${index + 1}`;
    if (isText(step)) read.push({ text: step });
    else if (!isObject(step)) return fault('record-malformed', `${place} is neither text nor { name, text }.`);
    else if (!isText(step.text)) return fault('record-malformed', `${place} has no \`text\`.`);
    else if (step.name === undefined || step.name === null) read.push({ text: step.text });
    else if (isText(step.name)) read.push({ name: step.name, text: step.text });
    else return fault('record-malformed', `${place}: \`name\` is not text.`);
  }
  return read;
}

function readImage({
  image,
  file,
  number,
}: {
  image: unknown;
  file: string;
  number: number;
}): ImageReference | undefined | RecordFault {
  if (image === undefined || image === null || image === '') return undefined;
  if (Array.isArray(image))
    return image.length === 1
      ? readImage({ image: image[0], file, number })
      : fault('images-several', 'the record has several images; one is supported.');
  if (isObject(image)) {
    // As Hugging Face's `Image` columns have it: the encoded picture, or where it lies.
    if (image.bytes instanceof Uint8Array) return imageBytes({ bytes: image.bytes, file, line: number });
    if (typeof image.path === 'string') return readImage({ image: image.path, file, number });
  }
  const folder = dirname(file);
  if (typeof image !== 'string') return fault('record-malformed', '`image` is not a path.');
  if (isOnHub(file))
    return fault(
      'image-missing',
      `the picture ${image} lies beside a file of the Hub, and is not fetched; download both.`,
    );
  const resolved = resolveInside({ folder, path: image });
  if (!('problem' in resolved)) return imageFile(resolved.path);
  return resolved.problem === 'missing'
    ? fault('image-missing', `there is no image ${image}.`)
    : fault('image-outside-folder', `the image path ${image} leads out of the data folder; it is refused.`);
}

/** An example from a record, or what is wrong with it. */
function readRecord(options: { record: unknown; number: number; file: string }): ReasoningExample | RecordFault {
  const { record, number, file } = options;
  if (!isObject(record)) return fault('record-malformed', 'the line is not an object.');
  if (!isText(record.question)) return fault('record-malformed', '`question` is not text.');
  const answer = asText(record.answer);
  if (answer === undefined) return fault('answer-missing', '`answer` is not text.');
  const steps = readSteps(record.steps);
  if ('kind' in steps) return steps;
  const image = readImage({ image: record.image, file, number });
  if (image !== undefined && 'kind' in image) return image;
  const { id, category, choices } = record;
  if (id !== undefined && id !== null && asText(id) === undefined)
    return fault('record-malformed', '`id` is not text.');
  if (category !== undefined && category !== null && asText(category) === undefined)
    return fault('record-malformed', '`category` is not text.');
  if (
    choices !== undefined &&
    choices !== null &&
    !(Array.isArray(choices) && choices.length <= 26 && choices.every((choice) => asText(choice) !== undefined))
  )
    return fault('record-malformed', '`choices` is not a list of up to 26 texts.');
  const metadata = Object.fromEntries(
    Object.entries(record).flatMap(([key, value]): [string, string][] =>
      known.has(key) || !['string', 'number', 'boolean'].includes(typeof value) ? [] : [[key, String(value)]],
    ),
  );
  return {
    id: asText(id) ?? String(number),
    question: record.question,
    ...(image ? { image } : {}),
    steps,
    answer: answer.trim(),
    ...(asText(category) === undefined ? {} : { category: asText(category)! }),
    ...(Array.isArray(choices) && choices.length > 0
      ? {
          facts: {
            kind: 'choice' as const,
            options: choices.map((choice, index) => ({
              letter: String.fromCharCode(65 + index),
              text: asText(choice)!,
            })),
          },
        }
      : {}),
    ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
  };
}

async function* readRecords(options: {
  file: string;
  log: FaultLog;
  limits: FileLimits;
}): AsyncGenerator<ReasoningExample> {
  const { file, log, limits } = options;
  for await (const { number, record } of readJsonLines(file, log, { ...limits, columns: ['question', 'answer'] })) {
    const read = readRecord({ record, number, file });
    if ('kind' in read) log.add({ ...read, line: number });
    else yield read;
  }
}

/**
 * Reads the plain format for data of one's own: a line is `{ question, answer }` and, where there are any, `image` (a path
 * within the file's folder), `steps` (texts, or `{ name, text }` for stages), `id`, `category` and `choices` (texts; the
 * answer is then a letter or one of them). Further keys become metadata. A Parquet file whose columns have these names is read
 * the same, a row group at a time; its `image` may be Hugging Face's `{ bytes, path }`, of which the bytes are held.
 */
export function readJsonl(options: ReadFileOptions): ExampleStream {
  const { file, ...read } = options;
  return new ExampleStream({ ...read, file, open: (log) => readRecords({ file, log, limits: read }) });
}
