import { SubtextError } from '@subtext/core';

/** What went wrong, for programs. */
export type TensorErrorCode =
  | 'shape-mismatch'
  | 'invalid-option'
  | 'unknown-engine'
  | 'engine-unavailable'
  | 'no-engine'
  | 'unknown-parameter'
  | 'duplicate-parameter'
  | 'cache-full'
  | 'state-mismatch'
  | 'installation-failed'
  | 'out-of-memory';

const marker = Symbol.for('@subtext/tensor.TensorError');

/** Base of every error this package throws on purpose. */
export class TensorError extends SubtextError<TensorErrorCode> {
  override readonly name: string = 'TensorError';
  /** Recognises the errors derived from it too, errors across duplicate installs of the package. */
  readonly [marker] = true;

  static override isInstance(error: unknown): error is TensorError {
    return typeof error === 'object' && error !== null && (error as Record<symbol, unknown>)[marker] === true;
  }
}

/** An operation was given tensors whose shapes, types or options do not fit together. */
export class OperationError extends TensorError {
  override readonly name = 'OperationError';
  /** The operation, for example `attention`. */
  readonly operation: string;

  constructor({
    operation,
    message,
    code = 'shape-mismatch',
  }: {
    operation: string;
    message: string;
    code?: TensorErrorCode;
  }) {
    super({ code, message: `${operation}: ${message}` });
    this.operation = operation;
  }
}

/** An engine is unknown, or was asked for and cannot run here. */
export class EngineError extends TensorError {
  override readonly name = 'EngineError';
  /** The engine asked for. */
  readonly engine: string;

  constructor({
    engine,
    message,
    code,
    cause,
  }: {
    engine: string;
    message: string;
    code: TensorErrorCode;
    cause?: unknown;
  }) {
    super({ code, message, cause });
    this.engine = engine;
  }
}
