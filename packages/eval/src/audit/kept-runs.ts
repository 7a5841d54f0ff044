import { parseJson } from '@subtext/core';
import { FileError, firstTells, type Peers, readTextFile, writeFileAtomically } from '@subtext/core/node';
import { join } from 'node:path';
import { EvaluationError } from '../errors';
import { isInterpreterSample, isTextOrNull, isThoughtSample } from '../results/result-schema';
import { textHash } from '../results/sample-record';
import type { InterpreterAuditSubject, StageAuditSubject, ThoughtAuditSubject } from './audit-subject';

/** Where runs are kept. */
interface KeptPlace {
  folder: string;
  /** The processes that audit together, of which the first one reads and writes. @default this one by itself */
  peers?: Peers;
}

/**
 * A subject whose runs are kept in a folder, a file each, so that a broken audit goes on after its last finished run.
 * The folder must belong to one model, one set of examples and one seed: `RunFolder` sees to that.
 */
export function keepThoughtRuns<Example>({
  subject,
  ...place
}: {
  subject: ThoughtAuditSubject<Example>;
} & KeptPlace): ThoughtAuditSubject<Example> {
  return {
    get segment() {
      return subject.segment;
    },
    collect: (options) => subject.collect(options),
    ...(subject.markers && { markers: (options) => subject.markers!(options) }),
    run: (options) =>
      kept({
        ...place,
        name: `thoughts ${options.intervention?.name ?? 'own'}`,
        isSample: isThoughtSample,
        count: options.examples.length,
        make: () => subject.run(options),
      }),
  };
}

/** The same for exchanged stages. */
export function keepStageSwaps<Example>({
  subject,
  ...place
}: {
  subject: StageAuditSubject<Example>;
} & KeptPlace): StageAuditSubject<Example> {
  return {
    stages: (options) => subject.stages(options),
    swap: (options) =>
      kept({
        ...place,
        name: `stage ${options.stage}`,
        isSample: isTextOrNull,
        count: options.examples.length,
        make: () => subject.swap(options),
      }),
  };
}

/** The same for an interpreter; `name` tells several interpreters and stages apart. */
export function keepExplanations<Example>({
  subject,
  name,
  ...place
}: {
  subject: InterpreterAuditSubject<Example>;
  name: string;
} & KeptPlace): InterpreterAuditSubject<Example> {
  return {
    collect: (options) => subject.collect(options),
    explain: (options) =>
      kept({
        ...place,
        name: `${name} ${options.condition}`,
        isSample: isInterpreterSample,
        count: options.examples.length,
        make: () => subject.explain(options),
      }),
  };
}

async function kept<Sample>({
  folder,
  peers,
  name,
  isSample,
  count,
  make,
}: KeptPlace & {
  name: string;
  isSample: (value: unknown) => boolean;
  count: number;
  make: () => Promise<Sample[]>;
}): Promise<Sample[]> {
  // Names hold words of people: the file's is made of letters, and a hash keeps two alike ones apart.
  const path = join(folder, `${name.replace(/[^a-z0-9]+/gi, '-')}-${textHash(name).slice(0, 8)}.json`);
  const text = await firstTells({
    peers,
    work: () =>
      readTextFile({ path }).catch((error: unknown) => {
        if (FileError.isInstance(error) && error.code === 'not-found') return undefined;
        throw error;
      }),
  });
  if (text !== undefined) {
    const samples = parsed<Sample>({ path, text, isSample });
    if (samples.length === count) return samples;
    throw new EvaluationError({
      code: 'invalid-result-file',
      message: `${path} holds ${samples.length} samples where the audit has ${count} examples; delete the file, or give another output folder.`,
    });
  }
  const samples = await make();
  if ((peers?.rank ?? 0) === 0) await writeFileAtomically({ path, data: `${JSON.stringify(samples)}\n` });
  return samples;
}

function parsed<Sample>({
  path,
  text,
  isSample,
}: {
  path: string;
  text: string;
  isSample: (value: unknown) => boolean;
}): Sample[] {
  try {
    const value = parseJson({ text, name: path });
    if (Array.isArray(value) && value.every(isSample)) return value as Sample[];
  } catch {
    // Told below, as any other content that is no list.
  }
  throw new EvaluationError({
    code: 'invalid-result-file',
    message: `${path} is no list of samples; delete the file to make it anew.`,
  });
}
