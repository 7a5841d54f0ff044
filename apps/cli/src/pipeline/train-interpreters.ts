import type { ReasoningExample } from '@subtext/data';
import { Reasoner } from '@subtext/reasoner';
import type { Output } from '@subtext/terminal';
import {
  createProgram,
  followLog,
  type ReasonerData,
  reasonerPhases,
  train,
  type TrainOptions,
} from '@subtext/trainer';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { TrainConfiguration } from '../configuration/schema';
import { keepInterpreters, openInterpreters } from './interpreters';
import { openLoggers } from './open-loggers';
import { planInterpreters } from './plan-phases';
import { withoutSecrets } from './saved-configuration';

/**
 * Trains interpreters on a reasoner that has been trained and saved, and stays as it is. The second part of a run: it has
 * its own log and checkpoints in the folder `interpreters` of the run, and is resumed like the first.
 */
export async function trainInterpreters({
  configuration,
  interpreters,
  folder,
  data,
  heldOut,
  newTokens,
  options,
  output,
  label,
}: {
  configuration: TrainConfiguration;
  interpreters: NonNullable<TrainConfiguration['interpreters']>;
  /** The trained reasoner's. */
  folder: string;
  data: ReasonerData;
  heldOut: readonly ReasoningExample[];
  newTokens: readonly number[];
  /** How the run is trained, shared with its first part. */
  options: Omit<TrainOptions, 'folder' | 'source' | 'program' | 'phases' | 'onProgress'>;
  output: Output;
  label: string;
}): Promise<{ status: 'finished' | 'stopped'; steps: number; skippedSteps: number }> {
  const own = join(configuration.output, 'interpreters');
  await mkdir(own, { recursive: true });
  const reasoner = await Reasoner.load({ folder });
  const reasonerOptions = { model: { kind: 'folder' as const, folder } };
  const prepared = await openInterpreters({
    configuration,
    interpreters,
    reasoner,
    reasonerOptions,
    newTokens,
    examples: data.examples,
  });
  const { source, objectives } = prepared;
  const program = await createProgram(source);
  const phases = data.method.curriculum({ stages: configuration.stages });
  // All that is hidden at the end; a phase with every number of thoughts would explain the same ones again.
  const phase = phases.filter(({ halting }) => halting === undefined).at(-1)!;
  const plans = [
    planInterpreters({
      phase,
      examples: data.examples.length,
      training: configuration.training,
      schedule: interpreters.schedule,
    }),
  ];
  const follower = followLog({
    loggers: await openLoggers(configuration.logs),
    folder: own,
    configuration: withoutSecrets(configuration),
    onNotice: (notice) => output.notice(`  ${notice}`),
  });
  try {
    const outcome = await train({
      ...options,
      folder: own,
      source,
      program,
      phases: reasonerPhases({
        plans,
        data: { ...data, context: reasoner.layoutContext() },
        objectives,
        heldOut,
      }),
      onProgress: ({ phaseName, step, steps, loss, secondsLeft }) => {
        follower.step();
        output.progress({
          label: label === '' ? phaseName : `${label}: ${phaseName}`,
          done: step,
          total: steps,
          secondsLeft,
          details: `interpreter ${loss.toFixed(3)}`,
        });
      },
    }).catch(async (error: unknown) => {
      await follower.finish({ status: 'failed' });
      throw error;
    });
    await follower.finish({ status: outcome.status });
    output.endProgress();
    if (outcome.status === 'finished') await keepInterpreters({ configuration, interpreters, prepared, program });
    return outcome;
  } finally {
    reasoner.dispose();
  }
}
