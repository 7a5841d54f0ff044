import { SubtextError } from '@subtext/core';

/** Machine-readable error codes. */
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

/** Base class of this package's errors. */
export class TensorError extends SubtextError<TensorErrorCode> {
  override readonly name: string = 'TensorError';
  /** Identifies this class and its subclasses across duplicate installs of the package. */
  readonly [marker] = true;

  static override isInstance(error: unknown): error is TensorError {
    return typeof error === 'object' && error !== null && (error as Record<symbol, unknown>)[marker] === true;
  }
}

/** An operation received tensors or options with incompatible shapes, dtypes or values. */
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

/** An engine is unknown, or was requested but cannot run on this machine. */
export class EngineError extends TensorError {
  override readonly name = 'EngineError';
  /** The requested engine. */
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
