import { parseJson, printable, printableUrl, redact } from '@subtext/core';
import { request, RequestError } from '@subtext/core/node';
import timers from 'node:timers/promises';
import { EvaluationError } from '../../errors';

/** A model that scores answers. */
export interface JudgeEndpoint {
  /** Named in results; never holds a key. */
  readonly model: string;
  /** What the model writes. @throws EvaluationError judge-failed */
  complete(options: { prompt: string; temperature: number; signal?: AbortSignal }): Promise<string>;
}

/** Options of {@link openAiCompatibleJudge}. */
export interface OpenAiCompatibleJudgeOptions {
  /** Such as `http://localhost:8000/v1`; `/chat/completions` is added. */
  baseUrl: string;
  model: string;
  /** Sent as a bearer token to this address's origin alone, and written nowhere: where an answer repeats it, it is taken out. @default none */
  apiKey?: string;
  /** Most tokens of a reply. @default 512 */
  maximumTokens?: number;
  /** Most bytes of an answer. @default 4 MiB */
  maximumBytes?: number;
  /** Seconds until a request is given up, its answer read included. @default 60 */
  timeoutSeconds?: number;
  /** Tries of a request that the endpoint could not serve now; of one that was not answered in time, 2 at most. @default 5 */
  attempts?: number;
  /** Seconds before the second try, doubled at each. @default 1 */
  backoffSeconds?: number;
}

/** The longest wait between two tries, whatever the endpoint's `Retry-After` says. */
const longestWait = 30;

/**
 * A judge behind any endpoint that speaks OpenAI's chat completions. Redirects are followed within its origin only.
 *
 * @throws EvaluationError judge-missing without an address or a model's name.
 */
export function openAiCompatibleJudge({
  baseUrl,
  model,
  apiKey,
  maximumTokens = 512,
  maximumBytes = 4 * 2 ** 20,
  timeoutSeconds = 60,
  attempts = 5,
  backoffSeconds = 1,
}: OpenAiCompatibleJudgeOptions): JudgeEndpoint {
  const address = readAddress(baseUrl);
  if (model === '')
    throw new EvaluationError({
      code: 'judge-missing',
      message: 'The judge needs the name of a model; give the one that the endpoint serves.',
    });
  const secrets = [apiKey, decoded(address.password), address.password];
  const shown = (text: string) => printable(redact({ text, secrets })).replace(/\s+/g, ' ').slice(0, 200);
  const fail = (message: string, cause?: unknown) =>
    // The cause may hold what the message does not.
    new EvaluationError({
      code: 'judge-failed',
      message: `The judge at ${address.origin} (${shown(model)}) ${message}. What is judged is kept; run the same command again to resume.`,
      ...(RequestError.isInstance(cause) ? { cause } : {}),
    });

  return {
    model,
    async complete({ prompt, temperature, signal }) {
      const body = JSON.stringify({
        model,
        messages: [{ role: 'user', content: prompt }],
        temperature,
        max_tokens: maximumTokens,
      });
      const ask = async () => {
        const response = await request({
          url: address,
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          ...(apiKey === undefined ? {} : { token: apiKey }),
          body,
          headSeconds: timeoutSeconds,
          idleSeconds: timeoutSeconds,
          totalSeconds: timeoutSeconds,
          maximumBytes,
          otherOrigins: false,
          ...(signal === undefined ? {} : { signal }),
        });
        return {
          status: response.status,
          ok: response.ok,
          after: retryAfter(response.headers.get('retry-after')),
          text: await response.text(),
        };
      };
      let last: EvaluationError = fail('was not asked');
      let late = 0;
      for (let attempt = 0; attempt < attempts; attempt++) {
        if (attempt > 0) await wait(Math.min(longestWait, backoffSeconds * 2 ** (attempt - 1)), signal);
        let answer: Awaited<ReturnType<typeof ask>>;
        try {
          answer = await ask();
        } catch (error) {
          signal?.throwIfAborted();
          // A header that cannot be sent, such as a key with a line feed, names itself in the error.
          if (!RequestError.isInstance(error))
            throw fail(`cannot be asked: ${shown(error instanceof Error ? error.message : String(error))}`);
          // What is answered too long, or from elsewhere, will be again.
          if (error.code === 'answer-too-large' || error.code === 'bad-redirect')
            throw fail(`is no use: ${shown(error.message)}`, error);
          last = fail(
            `${error.code === 'timed-out' ? 'did not answer in time' : 'cannot be reached'}: ${shown(error.message)}`,
            error,
          );
          if (error.code === 'timed-out' && ++late >= 2) break;
          continue;
        }
        const { status, ok, after, text } = answer;
        // Too many requests and faults of the server may pass; other refusals will not.
        if (status === 429 || status >= 500) {
          last = fail(`answered ${status}: ${shown(text)}`);
          if (after > 0 && attempt + 1 < attempts) await wait(Math.min(after, longestWait), signal);
          continue;
        }
        if (!ok) throw fail(`refused with ${status}: ${shown(text)}`);
        const content = readContent(text);
        if (content === undefined) throw fail(`sent no chat completion: ${shown(text)}`);
        // Replies are kept in a file: a key in one must not be.
        return redact({ text: content, secrets });
      }
      throw last;
    },
  };
}

function readAddress(baseUrl: string): URL {
  const invalid = new EvaluationError({
    code: 'judge-missing',
    message: `The judge's address "${printable(printableUrl(baseUrl))}" is no http address; give one such as http://localhost:8000/v1.`,
  });
  let address: URL;
  try {
    address = new URL(baseUrl);
  } catch {
    throw invalid;
  }
  if (!/^https?:$/.test(address.protocol)) throw invalid;
  // A query, such as a provider's api-version, stays.
  address.pathname = `${address.pathname.replace(/\/+$/, '')}/chat/completions`;
  return address;
}

function decoded(text: string): string | undefined {
  try {
    return text === '' ? undefined : decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Seconds of a `Retry-After`: a number or a date; 0 for anything else. */
function retryAfter(header: string | null): number {
  if (header === null) return 0;
  const seconds = /^\s*\d+(\.\d+)?\s*$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : 0;
}

function readContent(text: string): string | undefined {
  try {
    const reply = parseJson({ text, name: "the judge's answer" }) as {
      choices?: { message?: { content?: unknown } }[];
    } | null;
    const content = reply?.choices?.[0]?.message?.content;
    return typeof content === 'string' ? content : undefined;
  } catch {
    return undefined;
  }
}

async function wait(seconds: number, signal: AbortSignal | undefined): Promise<void> {
  await timers.setTimeout(seconds * 1000, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw error;
  });
}
