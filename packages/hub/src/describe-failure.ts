import { RequestError } from '@subtext/core/node';

import { HubStatusError } from './status-error';
import { HubError } from './hub-error';
import type { ModelCache } from './model-cache';

/** Converts a failed request into an error about the requested model. */
export function describeFailure({
  cause,
  id,
  revision,
  endpoint,
  token,
  cache,
}: {
  cause: unknown;
  id: string;
  revision: string;
  /** URL of the hub, for messages. */
  endpoint: string;
  token: string | undefined;
  cache: ModelCache;
}): HubError {
  if (HubError.isInstance(cause)) return cause;
  const where = `${endpoint} refused the model "${id}"`;
  if (cause instanceof HubStatusError) {
    const { status } = cause;
    if (status === 401 || status === 403) {
      const advice =
        token === undefined
          ? 'Set HF_TOKEN to an access token, or run "hf auth login"'
          : `The access token has no right to it${token.startsWith('hf_') ? '' : ', and it does not start with "hf_" as those of the Hugging Face Hub do'}`;
      return new HubError({
        code: 'unauthorized',
        message: `${endpoint} refused access to the model "${id}" (${status}): it does not exist, is private, or its terms must be accepted on its page; there is no local folder of that name either. ${advice}`,
        cause,
      });
    }
    if (status === 404) {
      return new HubError({
        code: 'unknown-model',
        message: `${endpoint} has no model "${id}" at revision "${revision}"; there is no local folder of that name either`,
        cause,
      });
    }
    if (status < 500 && status !== 429)
      return new HubError({ code: 'invalid-answer', message: `${where}: ${cause.message}`, cause });
  } else if (cause instanceof SyntaxError) {
    return new HubError({
      code: 'invalid-answer',
      message: `${endpoint} did not respond like a hub: the response is not JSON`,
      cause,
    });
  } else if (RequestError.isInstance(cause)) {
    if (cause.code === 'answer-too-large' || cause.code === 'bad-redirect')
      return new HubError({ code: 'invalid-answer', message: `${where}: ${cause.message}`, cause });
    if (cause.code === 'invalid-token')
      return new HubError({
        code: 'unauthorized',
        message: `${cause.message} (from HF_TOKEN or "hf auth login")`,
        cause,
      });
  }
  return new HubError({
    code: 'unreachable',
    message: `there is no folder "${id}" here, can't reach ${endpoint} (${(cause as Error | null)?.message ?? String(cause)}), and the model "${id}" (${revision}) is not complete in the cache ${cache.folder}. Check your connection, set HF_ENDPOINT to a mirror, or give the path of a folder`,
    cause,
  });
}
