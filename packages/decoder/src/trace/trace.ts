import type { Answer } from '@subtext/reasoner';

/** A token that may come next. */
export interface TraceToken {
  id: number;
  /** As the tokenizer writes it. */
  text: string;
  probability: number;
}

/** One position of a sequence. */
export interface TracePosition {
  id: number;
  text: string;
  /** `image`, `question`, `answer`, a stage's name, its tags (`<name>`) …; empty where nothing tells. */
  role: string;
  part: 'prompt' | 'response';
  /** Which of the trace's thoughts stands here. */
  thought?: number;
}

/** A thought in a trace. */
export interface TraceThought {
  stage: string;
  /** Which thought of the stage, from 0. */
  index: number;
  /** Its place among the positions. */
  position: number;
  /** Euclidean, of `hidden`. */
  norm: number;
  /** The state that is read as the thought, `[width]`. */
  hidden: number[];
  /** Whether it was changed. */
  changed: boolean;
}

/** What the layers would say at one position if each were the last. */
export interface TraceLens {
  /** Its place among the positions. */
  position: number;
  /** By layer, the embeddings first: tokens, most probable first. */
  layers: TraceToken[][];
}

/**
 * What happened when a question was answered, as plain values that are written as JSON: what `subtext think --trace` and
 * the inspector say of an answer. Positions count from 0 over prompt and response.
 */
export interface Trace {
  format: 1;
  question: string;
  /** What was written. */
  text: string;
  answer: string | null;
  positions: TracePosition[];
  thoughts: TraceThought[];
  /** The position whose state predicts the answer's first token; null where the response came to no answer. */
  answerAt: number | null;
  /** What the answer's first token could be, most probable first; empty without `answerAt`. */
  distribution: TraceToken[];
  /** By position, `1` for each position up to it that it may look at; null where each sees all before it. */
  visibility: string[] | null;
  /** By layer and position, how much it looks at each position up to it, the mean over heads; of Mllama by layer over words. Where asked for. */
  attention?: number[][][];
  /**
   * Of a model whose pictures stand beside the sequence (Mllama), by layer over pictures and position, how much it looks at
   * each vector of the picture, tile after tile, each tile's first vector its whole; the mean over heads. Where attention is
   * asked for.
   */
  pictureAttention?: { /** Tiles of the picture, one after the other. */ tiles: number; layers: number[][][] };
  /** At each thought and at `answerAt`. Where asked for. */
  lens?: TraceLens[];
  /** Of a recurrent reasoner, which has neither thoughts nor attention to tell, what it said after each recurrence. */
  recurrences?: Answer['recurrences'];
}
