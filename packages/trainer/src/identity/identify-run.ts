import type { RunIdentity } from '../checkpoint/run-folder';
import type { RanksOptions } from '../loop/train-options';
import type { TrainRunOptions } from '../run/run-options';
import type { TrainGraphsOptions } from '../run/train-graphs';
import type { LoopOptions } from '../run/training-options';
import { digestFile, digestOf } from './digest';
import { digestPictures, digestTexts } from './digest-examples';
import { digestModel } from './digest-model';

/** The part of an identity that holds the options. */
export const settingsPart = 'settings';

/**
 * Identifies everything that the result of a run depends on, in parts: its options but for where and how fast it runs, the
 * examples with the content of their pictures, every file of the models it starts from, and the modules that it includes.
 * The engine is not among them: a run that changes it goes on within rounding, and says so.
 *
 * @throws TrainerError `does-not-fit`; FileError
 */
export async function identifyRun({
  options,
  stages,
}: {
  options: TrainRunOptions;
  /** As the run found them. */ stages: readonly string[];
}): Promise<Required<RunIdentity>> {
  const { examples, heldOut = [], vocabulary = [], model, include = [], interpreters, training, signal } = options;
  const { from, ...rest } = model;
  const started = interpreters?.model?.kind === 'folder' ? interpreters.model.folder : undefined;
  const parts: Record<string, string> = {
    [settingsPart]: digestSettings({
      ...options,
      stages,
      // Where a model lies does not count: its files do.
      model: rest,
      interpreters: interpreters && {
        ...interpreters,
        model: started === undefined ? interpreters.model : { kind: 'folder' },
      },
      training: decisiveTraining(training),
      ranks: decisiveRanks(options.ranks),
    }),
    examples: digestTexts(examples),
    pictures: await digestPictures({ examples: [...examples, ...heldOut], signal }),
  };
  if (heldOut.length > 0) parts['held-out examples'] = digestTexts(heldOut);
  if (vocabulary.length > 0) parts.vocabulary = digestTexts(vocabulary);
  for (const path of include) parts[`include: ${path}`] = await digestFile({ path, signal });
  for (const [key, folder] of [
    ['model', from],
    ['interpreters.model', started],
  ] as const)
    if (folder !== undefined)
      for (const [name, digest] of await digestModel({ model: folder, signal })) parts[`${key}: ${name}`] = digest;
  return identityOf(parts);
}

/** The same of a run over graphs. */
export function identifyGraphRun(options: TrainGraphsOptions): Required<RunIdentity> {
  const { examples, heldOut = [], training } = options;
  const graphs = (of: TrainGraphsOptions['examples']) => digestOf(of.map(({ edges, own }) => [edges, own]));
  return identityOf({
    [settingsPart]: digestSettings({
      ...options,
      training: decisiveTraining(training),
      ranks: decisiveRanks(options.ranks),
    }),
    graphs: graphs(examples),
    ...(heldOut.length > 0 && { 'held-out graphs': graphs(heldOut) }),
  });
}

/** Options that do not say what is computed: where it goes, how fast, who is told; and what is identified by its content. */
const otherOptions: ReadonlySet<string> = new Set<keyof TrainRunOptions>([
  ...(['folder', 'identity', 'collective', 'workers', 'overwrite', 'dryRun', 'signal'] as const),
  ...(['record', 'incidental', 'report', 'loggers', 'summary', 'card', 'onEvent'] as const),
  ...(['examples', 'heldOut', 'vocabulary', 'include'] as const),
]);

/** The digest of the options that say what is computed, in whichever order they were given. */
function digestSettings(options: object): string {
  return digestOf(
    Object.entries(options)
      .filter(([key, value]) => !otherOptions.has(key) && value !== undefined)
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  );
}

function identityOf(parts: Record<string, string>): Required<RunIdentity> {
  return { fingerprint: digestOf(parts), parts };
}

/** How a run is trained, without what changes neither weights nor results: how often it is saved. */
function decisiveTraining(training: LoopOptions = {}): LoopOptions {
  const { checkpointSeconds: _seconds, checkpointSteps: _steps, keepCheckpoints: _keep, ...rest } = training;
  return rest;
}

/** How ranks train together, where it changes the result. */
function decisiveRanks(ranks: RanksOptions | undefined): RanksOptions | undefined {
  return ranks?.order === 'any' ? { order: 'any' } : undefined;
}
