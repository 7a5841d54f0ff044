import { duration, type Output } from '@subtext/terminal';
import { describeMemory, gibibytes, type RunEstimate } from '@subtext/trainer';

/** Prints an estimate: one line before a run, all of it for `--dry-run`. */
export function showEstimate({
  estimate,
  output,
  whole,
}: {
  estimate: RunEstimate;
  output: Output;
  whole: boolean;
}): void {
  const { parameters, trainable, phases, steps, tokens, memory, machine, seconds, engine, workers } = estimate;
  const line = `  about ${gibibytes(memory.total)} of memory and ${longDuration(seconds)} (${engine}${workers > 0 ? `, ${workers} workers` : ''}; a step of each phase was computed)`;
  const tight = memory.total > 0.8 * machine ? `\n  This is close to the ${gibibytes(machine)} of this machine.` : '';
  if (!whole) return void output.event({ event: 'estimate', ...estimate }, line + tight);
  output.event(
    { event: 'dry-run', ...estimate },
    [
      `  ${parameters.toLocaleString('en')} parameters, ${trainable.toLocaleString('en')} of them trained`,
      ...phases.map(
        ({ name, steps: count, batchSize, tokensPerStep, seconds: time }) =>
          `  ${name}: ${count.toLocaleString('en')} steps of ${batchSize} examples${tokensPerStep === undefined ? '' : `, ${tokensPerStep.toLocaleString('en')} tokens each`}, ${longDuration(time)}`,
      ),
      `  ${steps.toLocaleString('en')} steps${tokens === undefined ? '' : `, ${tokens.toLocaleString('en')} tokens`} in all`,
      line,
      `  ${describeMemory(memory)}.${tight}`,
      '  Time is that of computed steps, without saving and validation; memory is counted, activations measured on the longest example.',
    ].join('\n'),
  );
}

/** `42 s`, `3 min 20 s`, `5 h`, `12 days`. */
function longDuration(seconds: number): string {
  if (seconds < 2 * 3600) return duration(seconds);
  return seconds < 2 * 86_400
    ? `${Math.round(seconds / 3600)} h`
    : `${Math.round(seconds / 86_400).toLocaleString('en')} days`;
}
