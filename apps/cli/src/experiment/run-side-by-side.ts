import { type Output, STOPPED, UsageError } from '@subtext/terminal';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

import type { ExperimentTraining } from './experiment-runs';

/**
 * Carries out runs to train at once, each in its own process, which leaves it finished in its folder. A run that starts
 * from another's model waits for it. Where one fails, or the signal comes, the others are stopped where they can be resumed.
 *
 * @returns false where they were stopped
 * @throws UsageError with what the run that failed said
 */
export async function runSideBySide({
  runs,
  parallel,
  words,
  output,
  signal,
}: {
  runs: readonly ExperimentTraining[];
  /** Processes at a time. */
  parallel: number;
  /** The command line that carries out one run, whose name is added. */
  words: readonly string[];
  output: Output;
  signal?: AbortSignal;
}): Promise<boolean> {
  const stop = new AbortController();
  const stopped = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const finished = new Set<string>();
  const waiting = [...runs];
  const settled = new Map<string, Promise<void>>();
  let failure: Error | undefined;
  const ready = (run: ExperimentTraining) => {
    const source = sourceOf({ run, runs });
    return source === undefined || finished.has(source.name);
  };
  const start = (run: ExperimentTraining) =>
    settled.set(
      run.name,
      carryOut({ name: run.name, words, output, signal: stopped })
        .then(() => void finished.add(run.name))
        .catch((error: unknown) => {
          failure ??= error as Error;
          stop.abort();
        })
        .finally(() => settled.delete(run.name)),
    );
  while ((waiting.length > 0 && !stopped.aborted) || settled.size > 0) {
    while (!stopped.aborted && settled.size < parallel) {
      const next = waiting.findIndex(ready);
      if (next < 0) break;
      start(waiting.splice(next, 1)[0]!);
    }
    await Promise.race(settled.values());
  }
  output.endProgress();
  if (signal?.aborted) return false;
  if (failure) throw failure;
  return true;
}

/** The run of whose model another one starts. */
export function sourceOf({
  run,
  runs,
}: {
  run: ExperimentTraining;
  runs: readonly ExperimentTraining[];
}): ExperimentTraining | undefined {
  const from = run.kind === 'text' ? run.configuration.model.from : undefined;
  return runs.find(({ folder }) => from?.startsWith(`${folder}/`));
}

async function carryOut({
  name,
  words,
  output,
  signal,
}: {
  name: string;
  words: readonly string[];
  output: Output;
  signal: AbortSignal;
}): Promise<void> {
  const child = spawn(process.execPath, [...words, name], { stdio: ['ignore', 'pipe', 'pipe'] });
  const interrupt = () => child.kill('SIGINT');
  signal.addEventListener('abort', interrupt);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4000)));
  createInterface({ input: child.stdout }).on('line', (line) => tell({ line, name, output }));
  try {
    const code = await new Promise<number | null>((settle, fail) => child.on('error', fail).on('close', settle));
    if (code === STOPPED || signal.aborted) return;
    if (code !== 0) throw new UsageError(`${name}: ${said.trim().replace(/^Error: /, '') || `ended with ${code}`}`);
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}

/** A child's events are this process's own, with the run's name. */
function tell({ line, name, output }: { line: string; name: string; output: Output }): void {
  let told: { event?: unknown; [key: string]: unknown };
  try {
    told = JSON.parse(line) as typeof told;
  } catch {
    return;
  }
  if (typeof told?.event !== 'string') return;
  if (told.event === 'progress') {
    const progress = told as unknown as Parameters<Output['progress']>[0];
    output.progress({
      ...progress,
      label: progress.label.startsWith(name) ? progress.label : `${name}: ${progress.label}`,
    });
  } else output.event({ ...told, event: told.event, run: name });
}
