// Measures what it saves that keys and values which nobody will look at any more go: a reasoner of random weights (heima under
// the visibility `chain`) is fed a question, its thoughts, and an answer of some tokens, with everything kept and without:
//   node tooling/bench/left-behind.mjs [--engine wasm] [--question 32,256,1024] [--answer 64] [--rounds 5]
// Prints as Markdown the positions and bytes held while the answer is written, and the time of a token of it: medians of the
// rounds, in which both take turns, and of the rounds' ratios. Needs a build: npm run bootstrap.
import { parseArgs } from 'node:util';
import { createModel, DecodingSession } from '../../packages/model/dist/index.js';
import { createMethod, methodVisibility, Reasoner, taggedFormat } from '../../packages/reasoner/dist/index.js';
import { tf, useEngine } from '../../packages/tensor/dist/index.js';
import { trainWordLevelTokenizer } from '../../packages/tokenizer/dist/index.js';

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'wasm' },
    question: { type: 'string', default: '32,256,1024' },
    answer: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '5' },
  },
});
const [answerTokens, rounds] = [Number(values.answer), Number(values.rounds)];
await useEngine({ engine: values.engine });

const stages = ['summary', 'caption', 'reasoning'];
const method = { name: 'heima', thinkingTokens: { kind: 'fixed', count: 4 } };
const own = createMethod(method);
const words = ['red', 'blue', 'circle', 'square'];
const tokenizer = trainWordLevelTokenizer({
  texts: [words.join(' ')],
  split: 'whitespace',
  specialTokens: [...taggedFormat.tags({ stages }), ...own.specialTokens({ stages })],
});
const size = { hidden_size: 256, num_hidden_layers: 4, num_attention_heads: 4, num_key_value_heads: 4 };
const model = createModel({
  config: {
    ...size,
    model_type: 'llama',
    intermediate_size: 688,
    max_position_embeddings: 4096,
    vocab_size: tokenizer.vocabularySize,
  },
  seed: 1,
});
const reasoner = new Reasoner({
  model,
  tokenizer,
  settings: {
    format: 1,
    method,
    stages,
    hiddenStages: stages,
    reasoningFormat: 'tagged',
    prefix: ['<s>'],
    endToken: '</s>',
    thoughtReading: 'at',
    visibility: methodVisibility({ method: own, visibility: 'chain', stages, image: false }),
    longestResponse: 64,
  },
});
const median = (list) => [...list].sort((one, other) => one - other)[Math.floor(list.length / 2)];

/** Milliseconds of a token of the answer, and positions held with its last. */
async function answer({ length, kept }) {
  const question = Array.from({ length }, (_, index) => words[index % words.length]).join(' ');
  const example = { id: '1', question, steps: stages.map((name) => ({ name, text: 'red' })), answer: 'red' };
  const phase = own.curriculum({ stages }).at(-1);
  const { ids } = own.layout({ example, phase, context: reasoner.layoutContext() });
  const [sight] = reasoner.sights({ questions: [example] });
  const sights = [kept ? Object.assign(sight, { leftBehind: () => null }) : sight];
  const session = new DecodingSession({ model, batch: 1, capacity: ids.length + answerTokens, sights });
  const feed = async (next) => {
    const hidden = tf.tidy(
      () =>
        session.feed({
          embeddings: model.embed(tf.tensor2d([next], undefined, 'int32')),
          ids: [next],
          outputPositions: 1,
        }).hidden,
    );
    await hidden.data();
    hidden.dispose();
  };
  // The layout ends with the answer's word, its closing mark and the end.
  await feed(ids.slice(0, -3));
  await feed(ids.slice(-3, -2));
  const began = performance.now();
  for (let token = 0; token < answerTokens; token++) await feed(ids.slice(-3, -2));
  const milliseconds = (performance.now() - began) / answerTokens;
  const held = session.length;
  session.dispose();
  return { milliseconds, held };
}

const bytes = (held) => (held * size.num_hidden_layers * 2 * size.hidden_size * 4) / 1024;
console.log('| question | held, all kept | held | KiB, all kept | KiB | ms a token, all kept | ms | time, ratio |');
console.log('|---|---|---|---|---|---|---|---|');
for (const length of values.question.split(',').map(Number)) {
  const all = [];
  const less = [];
  for (const kept of [true, false]) await answer({ length, kept });
  for (let round = 0; round < rounds; round++) {
    all.push(await answer({ length, kept: true }));
    less.push(await answer({ length, kept: false }));
  }
  const of = (list) => median(list.map(({ milliseconds }) => milliseconds));
  const ratio = median(less.map(({ milliseconds }, round) => milliseconds / all[round].milliseconds));
  const [whole, left] = [all[0].held, less[0].held];
  console.log(
    `| ${length} | ${whole} | ${left} | ${bytes(whole)} | ${bytes(left)} | ${of(all).toFixed(2)} | ${of(less).toFixed(2)} | ${ratio.toFixed(2)} |`,
  );
}
