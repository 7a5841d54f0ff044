import { duration, type Output } from '@subtext/terminal';
import type { RunEvent } from '@subtext/trainer';

import { showEstimate } from './show-estimate';

/** What is trained besides the reasoner, in words. */
const interpreterWords = { interpreters: 'interpreter', 'blind-interpreters': 'blind interpreter' } as const;

/** Tells people and programs what a training run tells. */
export function showRun({
  output,
  folder,
  label = '',
  phases = false,
}: {
  output: Output;
  /** The run's. */ folder: string;
  /** Stands before the phase in progress lines. @default '' */ label?: string;
  /** Whether the end of each phase is told. @default false */ phases?: boolean;
}): (event: RunEvent) => void {
  return (told) => {
    switch (told.event) {
      case 'progress': {
        const { phaseName, step, steps, loss, metrics, secondsLeft } = told.progress;
        const details =
          told.part === 'reasoner'
            ? shownMetrics({ loss, metrics })
            : `${interpreterWords[told.part]} ${loss.toFixed(3)}`;
        const name = label === '' ? phaseName : `${label}: ${phaseName}`;
        return output.progress({ label: name, done: step, total: steps, secondsLeft, details });
      }
      case 'drawing': {
        const { part, done, total, loss } = told;
        const name = part === 'thoughts' ? 'think of pictures' : 'draw thoughts';
        return output.progress({
          label: label === '' ? name : `${label}: ${name}`,
          done,
          total,
          ...(loss !== undefined && { details: `drawer ${loss.toFixed(3)}` }),
        });
      }
      case 'end-progress':
        return output.endProgress();
      case 'notice':
        return output.notice(`  ${told.notice}`);
      case 'estimate':
        return showEstimate({ ...told, output });
      case 'phase': {
        const { phase, step, seconds } = told;
        if (phases)
          output.event(
            { event: 'phase', phase, step, seconds },
            `  ${phase}: done at step ${step}, ${duration(seconds)}`,
          );
        return;
      }
      case 'too-long': {
        const { tooLong, of, maxPositions } = told;
        const first = tooLong.slice(0, 5).map(({ id, length }) => `${id} (${length})`);
        return output.event(
          { event: 'too-long', examples: tooLong.length, of, first: tooLong.slice(0, 20) },
          `${tooLong.length} of ${of} examples take more tokens than the ${maxPositions} positions of the model and were left out: ${first.join(', ')}`,
        );
      }
      case 'token-rows': {
        const { tokens, added, unseen, unseenAlone } = told;
        const further =
          unseen > 0 ? `, and ${unseenAlone} of the data that the checkpoint cannot tell from others` : '';
        return output.event(
          { event: 'token-rows', new: added, unseen },
          `  ${tokens} tokens learn beside the adapter: ${added} new ones${further}.`,
        );
      }
      case 'untrained-tokens': {
        const { tokens, method } = told;
        return output.event(
          { event: 'untrained-tokens', tokens },
          `  Warning: the ${tokens} tokens that the method "${method}" adds stay as they are drawn (model.lora.tokens: none), and can hardly be written. Take "rows" to train them.`,
        );
      }
      case 'stopped': {
        const of = told.part === 'reasoner' ? '' : ` of the ${interpreterWords[told.part]}s`;
        return output.notice(
          `Stopped at step ${told.step}${of}; everything is saved in ${folder}. Start the same command again to resume.`,
        );
      }
      case 'trained': {
        const { steps, skippedSteps, seconds } = told;
        return output.event(
          { event: 'trained', folder, steps },
          `  trained ${steps} steps in ${duration(seconds)}${skippedSteps > 0 ? `, ${skippedSteps} skipped` : ''}`,
        );
      }
    }
  };
}

const metricNames: Record<string, string> = { reasonerLoss: 'loss', interpreterLoss: 'interpreter' };

/** The loss, or its parts, and measures for the progress line. Measures of thoughts are taken now and then: they are in the log. */
function shownMetrics({ loss, metrics }: { loss: number; metrics: Record<string, number> }): string {
  const parts = Object.entries(metrics).filter(([name]) => !name.startsWith('thought'));
  const whole = parts.some(([name]) => name.endsWith('Loss')) ? [] : [['loss', loss] as const];
  return [...whole, ...parts].map(([name, value]) => `${metricNames[name] ?? name} ${value.toFixed(3)}`).join('  ');
}
