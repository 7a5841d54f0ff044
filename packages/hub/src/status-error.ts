import { printable, redact, SubtextError } from '@subtext/core';
import type { BoundedResponse } from '@subtext/core/node';

/** A hub answered with a status that is not success; the message holds what it said, without secrets. */
export class HubStatusError extends SubtextError<'http-status'> {
  override readonly name = 'HubStatusError';

  constructor(
    readonly status: number,
    message: string,
    /** Seconds after which the hub wants to be asked again. */
    readonly retryAfter?: number,
  ) {
    super({ code: 'http-status', message });
  }
}

/** What an answer of refusal says, on one line, with nothing in it that is secret or moves a terminal's cursor. */
export async function statusError({
  response,
  secrets,
}: {
  response: BoundedResponse;
  /** What the message must not hold. */
  secrets: readonly (string | undefined)[];
}): Promise<HubStatusError> {
  const text = await beginning(response);
  let said: unknown = response.headers.get('x-error-message');
  try {
    said ??= (JSON.parse(text) as { error?: unknown } | null)?.error;
  } catch {
    // Not JSON: a page for people.
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

/** The first bytes of an answer, as far as they come within some seconds. */
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
    // What has come will do.
  }
  return new TextDecoder().decode(Buffer.concat(parts));
}
