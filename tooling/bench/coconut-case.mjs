// What both sides of coconut.mjs compute: a model, batches laid out by the method `coconut`, questions to answer.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RandomStream, tf } from '@subtext/tensor';
import { createModel } from '@subtext/model';
import { trainWordLevelTokenizer } from '@subtext/tokenizer';
import { createMethod, latentTokens, Reasoner, taggedFormat } from '@subtext/reasoner';

/** Columns of a batch: the longest question, a mark, the thoughts, a mark, and what is predicted. */
export const longestQuestion = 70;
export const thoughts = 4;
export const columns = 120;
/** Questions differ by up to so many words, so that rows are moved and masked. */
const lengths = 16;
const hidden = Array.from({ length: thoughts }, (_, index) => `step_${index + 1}`);
const last = `step_${thoughts + 1}`;
/** A step and an answer of one word between their marks, and the end. */
const textTokens = columns - longestQuestion - thoughts - 2;
const stepWords = textTokens - 6;

/** Words and special tokens up to the size asked for. */
function makeTokenizer(vocabulary) {
  const specialTokens = [...Object.values(latentTokens), ...taggedFormat.tags({ stages: [last] })];
  const words = Array.from({ length: vocabulary - specialTokens.length - 4 }, (_, index) => `w${index}`);
  return {
    tokenizer: trainWordLevelTokenizer({ texts: [words.join(' ')], split: 'whitespace', specialTokens }),
    words,
  };
}

/**
 * Writes the folder that both sides load: a reasoner with random weights (a Hugging Face folder) and `case.json`, with
 * the layouts of the batches and the prompts as ids.
 */
export async function writeCase({ folder, width, layers, heads, vocabulary, batch, batches, questions }) {
  const { tokenizer, words } = makeTokenizer(vocabulary);
  const random = new RandomStream({ seed: 1 });
  const text = (count) =>
    Array.from({ length: count }, () => words[Math.floor(random.uniform() * words.length)]).join(' ');
  const example = (row) => ({
    id: String(row),
    // Row 0 of every half has the longest question: each shard has as many columns as the whole.
    question: text(longestQuestion - ((row * 7) % lengths)),
    steps: [...hidden.map((name) => ({ name, text: text(1) })), { name: last, text: text(stepWords) }],
    answer: text(1),
  });
  const config = {
    model_type: 'gpt2',
    architectures: ['GPT2LMHeadModel'],
    n_embd: width,
    n_layer: layers,
    n_head: heads,
    vocab_size: vocabulary,
    n_positions: columns,
    n_ctx: columns,
    activation_function: 'gelu_new',
    layer_norm_epsilon: 1e-5,
    resid_pdrop: 0,
    embd_pdrop: 0,
    attn_pdrop: 0,
    tie_word_embeddings: true,
    bos_token_id: 2,
    eos_token_id: 3,
  };
  const method = { name: 'coconut', hiddenSteps: thoughts };
  const model = createModel({ config, seed: 1 });
  const table = model.parameters.get('transformer.wte.weight');
  // The end's logit is 0, which is never the largest of so many: every answer has as many tokens as it may.
  tf.tidy(() =>
    table.assign(table.mul(tf.oneHot(tf.tensor1d([config.eos_token_id], 'int32'), vocabulary, 0, 1).transpose())),
  );
  const reasoner = new Reasoner({
    model,
    tokenizer,
    settings: {
      format: 1,
      method,
      stages: [...hidden, last],
      hiddenStages: hidden,
      reasoningFormat: 'tagged',
      prefix: [],
      endToken: '</s>',
      thoughtReading: 'before',
      longestResponse: textTokens,
    },
  });
  await mkdir(folder, { recursive: true });
  await reasoner.save({ folder });
  const context = reasoner.layoutContext();
  const phase = createMethod(method)
    .curriculum({ stages: hidden })
    .find(({ level }) => level === thoughts);
  const layouts = Array.from({ length: batches }, () =>
    Array.from({ length: batch }, (_, row) => reasoner.method.layout({ example: example(row), phase, context })),
  );
  const asked = Array.from({ length: questions }, (_, row) => example(row).question);
  const written = {
    padId: tokenizer.idOf('<pad>'),
    endId: context.endId,
    startId: tokenizer.idOf(latentTokens.start),
    latentId: tokenizer.idOf(latentTokens.latent),
    markId: tokenizer.idOf(latentTokens.end),
    layouts,
    questions: asked,
    prompts: reasoner.prompts(asked.map((question) => ({ question }))),
  };
  if (tokenizer.idOf('</s>') !== config.eos_token_id || reasoner.model.dimensions.vocabularySize !== vocabulary)
    throw new Error('The tokenizer and the model do not belong together.');
  await writeFile(join(folder, 'case.json'), JSON.stringify(written));
  reasoner.dispose();
}

export const readCase = async (folder) => JSON.parse(await readFile(join(folder, 'case.json'), 'utf8'));
