import type { LoggedStep } from './read-log';

/** A point of a curve. */
export interface CurvePoint {
  /** The step. */
  x: number;
  y: number;
}

/** The most points that are kept of a curve: beyond, every second one is left out, again and again. */
const MOST_POINTS = 10_000;
/** The most measures and phases of a log that are kept. */
const MOST_MEASURES = 256;
const MOST_PHASES = 1_000;

/** What a log says, thinned out to what a drawing can show: its size does not grow with the log. */
export class RunCurves {
  readonly #series = new Map<
    string,
    { points: CurvePoint[]; every: number; seen: number; last: CurvePoint | undefined }
  >();
  /** Where phases begin. */
  readonly phases: { x: number; label: string }[] = [];
  #phaseName: string | undefined;
  #step = 0;

  /** Takes a line of the log. */
  add(entry: LoggedStep): void {
    const { step, phaseName } = entry;
    if (phaseName !== undefined && phaseName !== this.#phaseName) {
      if (this.phases.length < MOST_PHASES) this.phases.push({ x: this.#step, label: phaseName });
      this.#phaseName = phaseName;
    }
    this.#step = step;
    // With interpreters the log's loss is the sum of both; curves compare the reasoner's, as in runs without.
    const joint = typeof entry.reasonerLoss === 'number';
    for (const [name, value] of Object.entries(entry)) {
      if (typeof value !== 'number' || name === 'step' || name === 'phase') continue;
      if (joint && name === 'reasonerLoss') this.#put('loss', step, value);
      this.#put(joint && name === 'loss' ? 'jointLoss' : name, step, value);
    }
  }

  /** The names of the measures that there are. */
  measures(): string[] {
    return [...this.#series.keys()];
  }

  /** A measure by step: every point, or every second, fourth, eighth … of a long log, the last always. */
  curve(measure: string): CurvePoint[] {
    const series = this.#series.get(measure);
    if (!series) return [];
    const { points, last } = series;
    return last === undefined || points.at(-1) === last ? points : [...points, last];
  }

  #put(name: string, x: number, y: number): void {
    let series = this.#series.get(name);
    if (!series) {
      if (this.#series.size >= MOST_MEASURES) return;
      series = { points: [], every: 1, seen: 0, last: undefined };
      this.#series.set(name, series);
    }
    const point = { x, y };
    series.last = point;
    if (series.seen++ % series.every !== 0) return;
    series.points.push(point);
    if (series.points.length < MOST_POINTS) return;
    series.points = series.points.filter((_, index) => index % 2 === 0);
    series.every *= 2;
  }
}
