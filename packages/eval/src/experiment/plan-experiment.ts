import { EvaluationError } from '../errors';

/** Settings in groups, to be merged over those of the base. */
export type Settings = Readonly<Record<string, unknown>>;

/**
 * What an experiment varies. A list under a key of the configuration, such as `method.name`, tries each value there; named
 * sets of settings under any word try each set.
 */
export type ExperimentAxis = readonly unknown[] | Readonly<Record<string, Settings>>;

/** One training of an experiment. */
export interface PlannedRun {
  /** Its folder's name: `coconut-1`. */
  name: string;
  /** What all its seeds have in common: `coconut`, or `pause,layers=2`. */
  cell: string;
  /** By axis: the name of what was chosen. */
  choices: Record<string, string>;
  seed: number;
  /** Merged over the base in this order, one for each axis. */
  settings: Settings[];
}

const invalid = (message: string) => new EvaluationError({ code: 'invalid-option', message });

/**
 * Every combination of the axes' choices with every seed: the last axis varies fastest, seeds faster still. Without axes,
 * the base alone, under the name `base`.
 *
 * @throws EvaluationError invalid-option for an axis without choices, values that have no name of their own, names that
 *   cannot be folders, and seeds that are none or twice there.
 */
export function planExperiment({
  axes,
  seeds,
}: {
  axes: Readonly<Record<string, ExperimentAxis>>;
  /** Whole numbers, each once. */
  seeds: readonly number[];
}): PlannedRun[] {
  if (seeds.length === 0 || new Set(seeds).size < seeds.length || !seeds.every(Number.isSafeInteger))
    throw invalid(`seeds: ${JSON.stringify(seeds)} must be one whole number or more, each once.`);
  let cells: Pick<PlannedRun, 'choices' | 'settings'>[] = [{ choices: {}, settings: [] }];
  for (const [axis, given] of Object.entries(axes)) {
    const choices = choicesOf({ axis, given });
    cells = cells.flatMap((cell) =>
      choices.map(({ name, settings }) => ({
        choices: { ...cell.choices, [axis]: name },
        settings: [...cell.settings, settings],
      })),
    );
  }
  return cells.flatMap(({ choices, settings }) => {
    const cell = Object.values(choices).join(',') || 'base';
    return seeds.map((seed) => ({ name: `${cell}-${seed}`, cell, choices, seed, settings }));
  });
}

function choicesOf({ axis, given }: { axis: string; given: ExperimentAxis }): { name: string; settings: Settings }[] {
  const choices = Array.isArray(given)
    ? (given as readonly unknown[]).map((value) => ({
        name: valueName({ axis, value }),
        settings: nested(axis, value),
      }))
    : Object.entries(given as Readonly<Record<string, Settings>>).map(([name, settings]) => ({ name, settings }));
  if (choices.length === 0) throw invalid(`axes.${axis}: there is nothing to choose from.`);
  for (const { name, settings } of choices) {
    if (!/^[A-Za-z0-9][\w.=+-]*$/.test(name))
      throw invalid(`axes.${axis}: "${name}" names a folder, and may have letters, digits and . _ = + - only.`);
    if (typeof settings !== 'object' || settings === null || Array.isArray(settings))
      throw invalid(`axes.${axis}.${name}: must be a group of settings, such as { method: { name: cot } }.`);
  }
  const twice = choices.find(({ name }, index) => choices.findIndex((one) => one.name === name) < index);
  if (twice) throw invalid(`axes.${axis}: "${twice.name}" stands there twice.`);
  return choices;
}

/** Names and words speak for themselves; other values are told with the last part of their key: `layers=2`. */
function valueName({ axis, value }: { axis: string; value: unknown }): string {
  if (typeof value === 'object' && value !== null)
    throw invalid(`axes.${axis}: a value that is a group or a list needs a name; write axes.${axis} as named sets.`);
  const key = axis.split('.').at(-1)!;
  return key === 'name' && typeof value === 'string' ? value : `${key}=${String(value)}`;
}

/** `a.b` and a value as groups: `{ a: { b: value } }`. */
function nested(key: string, value: unknown): Settings {
  return key
    .split('.')
    .reverse()
    .reduce<unknown>((inner, part) => ({ [part]: inner }), value) as Settings;
}
