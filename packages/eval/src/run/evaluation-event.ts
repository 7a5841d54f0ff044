/** What an evaluation or an audit tells while it works. Apps print it; without a listener it is silent. */
export type EvaluationEvent =
  /** An earlier start is resumed: what it finished is kept. */
  | { event: 'resumed'; folder: string }
  /** So many samples came in from the shards of a run. */
  | { event: 'merged'; samples: number }
  /** A part begins. */
  | { event: 'stage'; text: string }
  /** A sentence for people. */
  | { event: 'notice'; text: string }
  /** Where something long stands. */
  | { event: 'progress'; label: string; done: number; total: number; secondsLeft?: number; details?: string }
  /** Judgements that could not be read; they count as wrong. */
  | { event: 'unreadable'; task: string; count: number };

export type EvaluationListener = (event: EvaluationEvent) => void;
