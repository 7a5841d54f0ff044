import { SubtextError } from '@subtext/core';

/** Why a model or data file could not be downloaded or uploaded. */
export type HubErrorCode =
  /** Neither a folder nor a model id, or not a valid file URL. */
  | 'not-found'
  /** The hub has no such model, revision or file. */
  | 'unknown-model'
  /** The hub requires a token, or acceptance of the model's terms. */
  | 'unauthorized'
  /** The hub can't be reached, and the model is not in the cache. */
  | 'unreachable'
  /** `HF_HUB_OFFLINE` is set, and the model is not in the cache. */
  | 'offline'
  /** `HF_ENDPOINT` is not a valid URL of a hub. */
  | 'invalid-endpoint'
  /** The model has no safetensors weights. */
  | 'no-weights'
  /** A file was incomplete, or did not match the hub's list. */
  | 'transfer-failed'
  /** Unexpected response of the hub. */
  | 'invalid-answer'
  /** Timed out waiting for another process that is downloading the same file. */
  | 'locked'
  /** The cache can't be read or written. */
  | 'input-output';

/** Failed transfer from or to a hub. The message says what failed, where, and what to do. */
export class HubError extends SubtextError<HubErrorCode> {
  override readonly name = 'HubError';

  static override isInstance(error: unknown): error is HubError {
    return SubtextError.isInstance(error) && error.name === 'HubError';
  }
}
