import { HubApiError } from '@huggingface/hub';
import { HubError } from './hub-error';
import type { HubSettings } from './hub-settings';
import type { ModelCache } from './model-cache';

/** What happened, in terms of the model that was asked for. */
export function describeFailure({
  cause,
  id,
  revision,
  settings,
  cache,
}: {
  cause: unknown;
  id: string;
  revision: string;
  settings: HubSettings;
  cache: ModelCache;
}): HubError {
  if (cause instanceof HubError) return cause;
  const { endpoint, token } = settings;
  if (cause instanceof HubApiError) {
    const { statusCode } = cause;
    if (statusCode === 401 || statusCode === 403) {
      return new HubError({
        code: 'unauthorized',
        message:
          `${endpoint} does not give out the model "${id}" (${statusCode}): it does not exist, is private, or its terms must be accepted on its page. ` +
          (token === undefined ? 'Set HF_TOKEN to an access token' : 'The access token has no right to it'),
        cause,
      });
    }
    if (statusCode === 404) {
      return new HubError({ code: 'unknown-model', message: `${endpoint} has no model "${id}" with the revision "${revision}"; there is no folder of that name either`, cause });
    }
    if (statusCode < 500 && statusCode !== 429) {
      return new HubError({ code: 'invalid-answer', message: `${endpoint} refused the model "${id}": ${cause.message}`, cause });
    }
  } else if (cause instanceof TypeError && cause.message.includes("start with 'hf_'")) {
    return new HubError({ code: 'unauthorized', message: 'the access token (HF_TOKEN) is none: those start with "hf_"', cause });
  } else if (cause instanceof SyntaxError) {
    return new HubError({ code: 'invalid-answer', message: `${endpoint} did not answer as a hub does: ${cause.message}`, cause });
  }
  const { message, cause: inner } = cause as { message?: string; cause?: { message?: string; code?: string } };
  return new HubError({
    code: 'unreachable',
    message: `can't reach ${endpoint} (${inner?.message || inner?.code || message || String(cause)}), and the model "${id}" (${revision}) is not whole in the cache: looked in ${cache.folder}. Connect, set HF_ENDPOINT to a mirror, or give the path of a folder`,
    cause,
  });
}
