import type { EvaluationListener } from '@subtext/eval';
import type { Output } from '@subtext/terminal';

/** Prints what an evaluation or an audit tells. */
export function showEvents(output: Output): EvaluationListener {
  return (told) => {
    switch (told.event) {
      case 'progress':
        return output.progress(told);
      case 'stage':
        output.endProgress();
        return output.heading(told.text);
      case 'notice':
        output.endProgress();
        return output.notice(told.text);
      case 'resumed':
        return output.event(told, `  ${told.folder} was begun before: what is finished is kept.`);
      case 'merged':
        return output.event(told, `  ${told.samples} samples came in from shards.`);
      case 'unreadable':
        output.endProgress();
        return output.event(told, `  ${told.task}: ${told.count} judgements could not be read and count as wrong.`);
    }
  };
}
