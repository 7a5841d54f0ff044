import type { InterpreterPart } from '../interpreters/interpreter-options';
import type { LoopSettings } from './carry-out';
import type { TrainRunOptions } from './run-options';
import { trainRunDrawer } from './train-drawer';
import { partsAfter, trainInterpreters } from './train-interpreters';

/**
 * Trains what a run has besides its reasoner, which has been saved by now and stays as it is: interpreters that come after,
 * blind ones, a drawer. `stopped` where the signal came first; a run that is resumed goes on with the part that it was in.
 */
export async function trainAfter({
  run,
  foldersOf,
  ...shared
}: {
  run: TrainRunOptions;
  /** The folders that interpreters are saved to, those that read or the blind ones. */
  foldersOf: (part: InterpreterPart) => string[];
  interpreters: TrainRunOptions['interpreters'];
} & Pick<
  Parameters<typeof trainInterpreters>[0],
  'stages' | 'seed' | 'reasoner' | 'baseModel' | 'data' | 'newTokens'
> & { loop: LoopSettings }): Promise<{
  status: 'finished' | 'stopped';
  /** Seconds that all of it took. */
  seconds: number;
  /** What `finished.json` says of it. */
  summary: { interpreterSteps?: number; drawerLoss?: number; drawerExamples?: number };
}> {
  const { interpreters, data, seed, reasoner } = shared;
  const summary: { interpreterSteps?: number; drawerLoss?: number; drawerExamples?: number } = {};
  let seconds = 0;
  for (const part of interpreters ? partsAfter(interpreters) : []) {
    const trained = await trainInterpreters({
      ...shared,
      run,
      interpreters: interpreters!,
      folders: foldersOf(part),
      part,
    });
    seconds += trained.seconds;
    if (part === 'interpreters') summary.interpreterSteps = trained.steps;
    if (trained.status === 'stopped') return { status: 'stopped', seconds, summary };
  }
  if (!run.drawer) return { status: 'finished', seconds, summary };
  const { drawer, onEvent, signal } = run;
  const drawn = await trainRunDrawer({ drawer, reasoner, examples: data.examples, seed, onEvent, signal });
  if (!drawn) return { status: 'stopped', seconds, summary };
  return {
    status: 'finished',
    seconds: seconds + drawn.seconds,
    summary: {
      ...summary,
      drawerExamples: drawn.examples,
      ...(drawn.loss !== undefined && { drawerLoss: drawn.loss }),
    },
  };
}
