import { planExperiment, type PlannedRun } from '@subtext/eval';
import { join } from 'node:path';
import type { z } from 'zod';

import { GRAPH_KIND, graphConfiguration } from '../configuration/graph-schema';
import { loadConfiguration } from '../configuration/load-configuration';
import { type LayeredConfiguration, layersOver } from '../configuration/read-layers';
import { trainConfigurationNow, type GivenConfiguration } from '../configuration/schema';
import { dataFolder, type ExperimentConfiguration, filled } from './experiment-schema';

type GraphConfiguration = z.output<typeof graphConfiguration>;

/** A run of an experiment with the configuration that trains it. */
export type ExperimentTraining = PlannedRun & { folder: string } & (
    | { kind: 'text'; configuration: GivenConfiguration; include: readonly string[] }
    | { kind: 'graphs'; configuration: GraphConfiguration }
  );

/** Every run of an experiment with its checked configuration: nothing is trained before all are sound. */
export async function experimentRuns({
  path,
  experiment,
  include = [],
}: {
  /** The experiment's file; paths of configurations are seen from its folder. */
  path: string;
  experiment: ExperimentConfiguration;
  /** Modules that have been included, for the workers of the runs. @default [] */
  include?: readonly string[];
}): Promise<ExperimentTraining[]> {
  const { axes, seeds, base, settings, output, evaluation } = experiment;
  const trainings: ExperimentTraining[] = [];
  for (const run of planExperiment({ axes, seeds })) {
    const folder = join(output, run.name);
    let layered: LayeredConfiguration = { value: {}, layers: [] };
    const place = `${path} (${run.name})`;
    for (const written of [{ ...(base === undefined ? {} : { defaults: base }), ...settings }, ...run.settings])
      layered = await layersOver({ below: layered, written, path, place });
    layered = await layersOver({ below: layered, written: { seed: run.seed, output: folder }, path, place });
    const value = filled({
      value: layered.value,
      places: { seed: String(run.seed), runs: output, data: dataFolder(experiment), questions: evaluation.data },
    }) as Record<string, unknown>;
    const given = { path, layered: { ...layered, value } };
    trainings.push(
      value.kind === GRAPH_KIND
        ? {
            ...run,
            folder,
            kind: 'graphs',
            configuration: await loadConfiguration({ ...given, schema: graphConfiguration }),
          }
        : {
            ...run,
            folder,
            kind: 'text',
            include,
            configuration: await loadConfiguration({ ...given, schema: trainConfigurationNow() }),
          },
    );
  }
  return trainings;
}
