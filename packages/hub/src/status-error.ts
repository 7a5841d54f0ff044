import { printable, redact, SubtextError } from '@subtext/core';
import type { BoundedResponse } from '@subtext/core/node';

/** An HTTP error status. The message contains the hub's explanation, without secrets. */
export class HubStatusError extends SubtextError<'http-status'> {
  override readonly name = 'HubStatusError';

  constructor(
    readonly status: number,
    message: string,
    /** `Retry-After` in seconds. */
    readonly retryAfter?: number,
  ) {
    super({ code: 'http-status', message });
  }
}

/** Extracts the explanation from an error response: one line, without secrets and control characters. */
export async function statusError({
  response,
  secrets,
}: {
  response: BoundedResponse;
  /** Secrets to redact. */
  secrets: readonly (string | undefined)[];
}): Promise<HubStatusError> {
  const text = await beginning(response);
  let said: unknown = response.headers.get('x-error-message');
  try {
    said ??= (JSON.parse(text) as { error?: unknown } | null)?.error;
  } catch {
    // Not JSON: an HTML page.
  }
  const message =
    typeof said === 'string'
      ? printable(redact({ text: said.slice(0, 2000), secrets }))
          .replace(/\s+/g, ' ')
          .slice(0, 300)
      : `status ${response.status}`;
  const after = response.headers.get('retry-after');
  const seconds =
    after === null ? Number.NaN : /^\d+$/.test(after) ? Number(after) : (Date.parse(after) - Date.now()) / 1000;
  return new HubStatusError(response.status, message, Number.isFinite(seconds) && seconds > 0 ? seconds : undefined);
}

/** The first bytes of a response that arrive within a few seconds. */
async function beginning(response: BoundedResponse): Promise<string> {
  const parts: Uint8Array[] = [];
  const deadline = Date.now() + 5000;
  let length = 0;
  try {
    for await (const piece of response.pieces()) {
      parts.push(piece);
      length += piece.byteLength;
      if (length > 65_536 || Date.now() > deadline) break;
    }
  } catch {
    // A partial text is good enough.
  }
  return new TextDecoder().decode(Buffer.concat(parts));
}
