import { SubtextError } from '@subtext/core';

/** What can be wrong with a model, or a file of data, that is to come from a hub. */
export type HubErrorCode =
  /** Neither a folder nor a model id; no address of a file. */
  | 'not-found'
  /** The hub has no such model, revision or file. */
  | 'unknown-model'
  /** The hub wants a token, or its terms accepted. */
  | 'unauthorized'
  /** The hub can't be reached, and the cache does not hold the model. */
  | 'unreachable'
  /** `HF_HUB_OFFLINE` is set, and the cache does not hold the model. */
  | 'offline'
  /** `HF_ENDPOINT` is not the address of a hub. */
  | 'invalid-endpoint'
  /** The model has no safetensors weights. */
  | 'no-weights'
  /** A file did not arrive whole, or not as the hub lists it. */
  | 'transfer-failed'
  /** The hub's answer is not what it should be. */
  | 'invalid-answer'
  /** Another process has been downloading the same file for longer than was to be waited. */
  | 'locked'
  /** The cache can't be read or written. */
  | 'input-output';

/** A model or a file that could not be brought from a hub: says what, where and what to do. */
export class HubError extends SubtextError<HubErrorCode> {
  override readonly name = 'HubError';

  static override isInstance(error: unknown): error is HubError {
    return SubtextError.isInstance(error) && error.name === 'HubError';
  }
}
