import { endOfTextIds, generate, type LanguageModel } from '@subtext/model';
import { tf } from '@subtext/tensor';
import type { Tokenizer } from '@subtext/tokenizer';

import { attentionRows } from './attention-rows';
import { readTokens, tokenText } from './read-tokens';
import type { Trace } from './trace';

/** Options of {@link traceText}. */
export interface TraceTextOptions {
  model: LanguageModel;
  tokenizer: Tokenizer;
  text: string;
  /** @default 16 */
  maxNewTokens?: number;
  /** Whether to tell who looks at whom. @default false */
  attention?: boolean;
  /** Whether to read every layer at what is written. @default false */
  lens?: boolean;
  /** Tokens of a distribution. @default 8 */
  top?: number;
}

/**
 * Continues a text greedily with any language model, and writes down what happens: a trace without thoughts. The text is
 * its question, what is written its answer; the lens reads each position that predicts a written token.
 */
export async function traceText({
  model,
  tokenizer,
  text,
  maxNewTokens = 16,
  attention = false,
  lens = false,
  top = 8,
}: TraceTextOptions): Promise<Trace> {
  const prompt = tokenizer.encode(text).ids;
  const stopIds = endOfTextIds({ model });
  const {
    ids: [written],
  } = await generate({ model, inputs: [prompt], maxNewTokens, stopIds });
  const ids = [...prompt, ...written!];
  const places = written!.map((_, index) => prompt.length - 1 + index);
  const seen = tf.tidy(() => {
    const { hidden, hiddenStates, attentions } = model.forward({
      embeddings: model.embed(tf.tensor2d([ids], undefined, 'int32')),
      outputHiddenStates: lens,
      outputAttentions: attention,
    });
    return { hidden, layers: hiddenStates ?? [hidden], attentions: attentions ?? [] };
  });
  try {
    const readings = await readTokens({ model, tokenizer, layers: seen.layers, places, top });
    const written = tokenizer.decode(ids.slice(prompt.length), { skipSpecialTokens: false });
    return {
      format: 1,
      question: text,
      text: written,
      answer: tokenizer.decode(ids.slice(prompt.length)).trim() || null,
      positions: ids.map((id, position) => ({
        id,
        text: tokenText({ tokenizer, id }),
        role: position < prompt.length ? 'question' : 'answer',
        part: position < prompt.length ? 'prompt' : 'response',
      })),
      thoughts: [],
      answerAt: places[0] ?? null,
      distribution: readings.at(-1)![0] ?? [],
      visibility: null,
      ...(attention && seen.attentions.length > 0 && { attention: await attentionRows(seen.attentions) }),
      ...(lens && {
        lens: places.map((position, place) => ({ position, layers: readings.map((layer) => layer[place]!) })),
      }),
    };
  } finally {
    tf.dispose([seen.hidden, ...seen.layers, ...seen.attentions]);
  }
}
