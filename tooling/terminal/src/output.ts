import { printable } from '@subtext/core';

import { writeOut } from './standard-output';

/**
 * Where a command's words go: lines for people, or one JSON object a line for machines. Control characters are written
 * out (`\\u001b`) in both: what came from a model, a token or a file sets no colour, title or cursor.
 */
export interface Output {
  readonly json: boolean;
  /** A line for people; machines get `{ event: 'notice', text }`. */
  notice(text: string): void;
  /** A heading for people; machines get an event. */
  heading(text: string): void;
  /** An event for machines, with a line for people where `text` is given. */
  event(event: Record<string, unknown> & { event: string }, text?: string): void;
  /** The state of something long. Overwrites itself on a terminal; elsewhere a line now and then. */
  progress(progress: Progress): void;
  /** Ends the progress line. */
  endProgress(): void;
}

export interface Progress {
  /** What is being done. */
  label: string;
  done: number;
  total: number;
  /** Seconds left. */
  secondsLeft?: number;
  /** What else is worth seeing, such as the loss. */
  details?: string;
}

/** Seconds between progress lines where the output is not a terminal. */
const PLAIN_INTERVAL = 5;

export function createOutput({ json }: { json: boolean }): Output {
  const terminal = process.stdout.isTTY === true && !json;
  let lastPlain = 0;
  let lastLabel = '';
  let open = false;

  const line = (text: string) => {
    endProgress();
    writeOut(`${printable(text)}\n`);
  };
  // What `printable` writes for a control character is JSON's own escape.
  const emit = (event: Record<string, unknown>) => writeOut(`${printable(JSON.stringify(event))}\n`);

  function endProgress(): void {
    if (open) writeOut('\n');
    open = false;
  }

  return {
    json,
    notice: (text) => (json ? emit({ event: 'notice', text }) : line(text)),
    heading: (text) => (json ? emit({ event: 'stage', text }) : line(`\n${text}`)),
    event(event, text) {
      if (json) emit(event);
      else if (text !== undefined) line(text);
    },
    progress({ label, done, total, secondsLeft, details }) {
      const finished = done >= total;
      if (!terminal) {
        const now = performance.now() / 1000;
        if (!finished && label === lastLabel && now - lastPlain < PLAIN_INTERVAL) return;
        lastPlain = now;
        lastLabel = label;
        if (json) return void emit({ event: 'progress', label, done, total, secondsLeft, details });
      }
      const share = total > 0 ? done / total : 1;
      const width = 24;
      const bar = `${'█'.repeat(Math.round(share * width))}${'░'.repeat(width - Math.round(share * width))}`;
      const parts = [
        `  ${label}`,
        terminal ? bar : '',
        `${done}/${total}`,
        details ?? '',
        secondsLeft !== undefined && !finished ? `${duration(secondsLeft)} left` : '',
      ];
      const text = printable(parts.filter((part) => part !== '').join('  '));
      if (terminal) {
        writeOut(`\r\x1b[2K${text.slice(0, (process.stdout.columns ?? 80) - 1)}`);
        open = true;
        if (finished) endProgress();
      } else writeOut(`${text}\n`);
    },
    endProgress,
  };
}

/** Says nothing: of a rank beside the first one, which speaks for all. */
export const silentOutput: Output = {
  json: false,
  notice: () => undefined,
  heading: () => undefined,
  event: () => undefined,
  progress: () => undefined,
  endProgress: () => undefined,
};

/** `42 s`, `3 min 20 s`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
