import { EvaluationError } from '../../errors';

/** A model that scores answers. */
export interface JudgeEndpoint {
  /** Named in results; never holds a key. */
  readonly model: string;
  /** What the model writes. @throws EvaluationError judge-failed */
  complete(options: { prompt: string; temperature: number }): Promise<string>;
}

/** Options of {@link openAiCompatibleJudge}. */
export interface OpenAiCompatibleJudgeOptions {
  /** Such as `http://localhost:8000/v1`; `/chat/completions` is added. */
  baseUrl: string;
  model: string;
  /** Sent as a bearer token and written nowhere. @default none */
  apiKey?: string;
  /** Most tokens of a reply. @default 512 */
  maximumTokens?: number;
  /** Seconds until a request is given up. @default 120 */
  timeoutSeconds?: number;
  /** Tries of a request that the endpoint could not serve now. @default 5 */
  attempts?: number;
  /** Seconds before the second try, doubled at each. @default 1 */
  backoffSeconds?: number;
}

/**
 * A judge behind any endpoint that speaks OpenAI's chat completions.
 *
 * @throws EvaluationError judge-missing without an address or a model's name.
 */
export function openAiCompatibleJudge({ baseUrl, model, apiKey, maximumTokens = 512, timeoutSeconds = 120, attempts = 5, backoffSeconds = 1 }: OpenAiCompatibleJudgeOptions): JudgeEndpoint {
  let address: URL;
  try {
    address = new URL(`${baseUrl.replace(/\/+$/, '')}/chat/completions`);
    if (!/^https?:$/.test(address.protocol)) throw new Error('no http address');
  } catch (error) {
    throw new EvaluationError({ code: 'judge-missing', message: `The judge's address "${baseUrl}" is no http address; give one such as http://localhost:8000/v1.`, cause: error });
  }
  if (model === '') throw new EvaluationError({ code: 'judge-missing', message: 'The judge needs the name of a model; give the one that the endpoint serves.' });
  const fail = (message: string, cause?: unknown) =>
    new EvaluationError({ code: 'judge-failed', message: `The judge at ${address.origin} (${model}) ${message}. What is judged is kept; run the same command again to go on.`, cause });

  return {
    model,
    async complete({ prompt, temperature }) {
      let last: EvaluationError = fail('was not asked');
      for (let attempt = 0; attempt < attempts; attempt++) {
        if (attempt > 0) await wait(backoffSeconds * 2 ** (attempt - 1));
        let response: Response;
        try {
          response = await fetch(address, {
            method: 'POST',
            headers: { 'content-type': 'application/json', ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }) },
            body: JSON.stringify({ model, messages: [{ role: 'user', content: prompt }], temperature, max_tokens: maximumTokens }),
            signal: AbortSignal.timeout(timeoutSeconds * 1000),
          });
        } catch (error) {
          const reason = (error as Error).cause instanceof Error ? ((error as Error).cause as Error).message : (error as Error).message;
          last = fail(`cannot be reached: ${reason}`, error);
          continue;
        }
        const text = await response.text().catch(() => '');
        // Too many requests and faults of the server may pass; other refusals will not.
        if (response.status === 429 || response.status >= 500) {
          last = fail(`answered ${response.status}: ${text.slice(0, 200)}`);
          const after = Number(response.headers.get('retry-after'));
          if (Number.isFinite(after) && after > 0 && attempt + 1 < attempts) await wait(Math.min(after, 60));
          continue;
        }
        if (!response.ok) throw fail(`refused with ${response.status}: ${text.slice(0, 200)}`);
        const content = readContent(text);
        if (content === undefined) throw fail(`sent no chat completion: ${text.slice(0, 200)}`);
        return content;
      }
      throw last;
    },
  };
}

function readContent(text: string): string | undefined {
  try {
    const reply = JSON.parse(text) as { choices?: { message?: { content?: unknown } }[] };
    const content = reply.choices?.[0]?.message?.content;
    return typeof content === 'string' ? content : undefined;
  } catch {
    return undefined;
  }
}

function wait(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
