import type { ReasoningExample } from '@subtext/data';
import { createModel, nextTokenLoss } from '@subtext/model';
import { AdamW, crossEntropy, gatherRows, RandomStream, tf, valueAndGradients } from '@subtext/tensor';
import { trainWordLevelTokenizer } from '@subtext/tokenizer';

import {
  collateLayouts,
  createMethod,
  embedBatch,
  methodVisibility,
  Reasoner,
  taggedFormat,
  type MethodSpecification,
  type ReasonerSettings,
  type VisibilityName,
  type VisibilityTable,
} from '../src/index';

const numbers = ['3', '5', '7', '9'];
const animals = ['ant', 'bee', 'cat', 'dog'];

/** Which number does something have? Questions have two lengths; every step says the number. */
export function drawExamples({
  count,
  seed,
  steps = 1,
}: {
  count: number;
  seed: number;
  /** @default 1 */ steps?: number;
}): ReasoningExample[] {
  const random = new RandomStream({ seed });
  const draw = (list: readonly string[]) => list[Math.floor(random.uniform() * list.length)]!;
  return Array.from({ length: count }, (_, index) => {
    const number = draw(numbers);
    const question = `the ${draw(animals)} has ${index % 2 === 0 ? '' : ', as said , '}${number}`;
    return {
      id: `${index}`,
      question,
      steps: Array.from({ length: steps }, () => ({ text: `its number is ${number}` })),
      answer: number,
    };
  });
}

/** A reasoner of one thinking token a step, trained from nothing in a few seconds. */
export function trainNumberReasoner({
  visibility,
  steps = 1,
  thoughtReading = 'at',
  fromWords = 0,
}: {
  visibility: VisibilityName | VisibilityTable;
  /** Steps of the chain, all hidden. @default 1 */
  steps?: number;
  /** @default 'at' */
  thoughtReading?: ReasonerSettings['thoughtReading'];
  /** Share of examples whose thought is told in words. @default 0 */
  fromWords?: number;
}): Reasoner {
  const stages = Array.from({ length: steps }, (_, index) => `step_${index + 1}`);
  // Several steps are learnt in words first.
  const method: MethodSpecification = { name: 'heima', textPhase: steps > 1, recovering: false, fromWords };
  const own = createMethod(method);
  const examples = drawExamples({ count: 64, seed: 1, steps });
  const tokenizer = trainWordLevelTokenizer({
    texts: examples.flatMap(({ question, steps: told, answer }) => [
      question,
      ...(steps > 1 || fromWords > 0 ? told : []).map(({ text }) => text),
      answer,
    ]),
    split: 'whitespace',
    specialTokens: [...taggedFormat.tags({ stages }), ...own.specialTokens({ stages })],
  });
  const model = createModel({
    config: {
      model_type: 'llama',
      hidden_size: 32,
      intermediate_size: 64,
      num_hidden_layers: 1 + steps,
      num_attention_heads: 4,
      max_position_embeddings: 64,
      tie_word_embeddings: true,
      initializer_range: 0.1,
      vocab_size: tokenizer.vocabularySize,
    },
    seed: 5,
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
      thoughtReading,
      visibility: methodVisibility({ method: own, visibility, stages, image: false }),
      longestResponse: 6 + 6 * steps,
    },
  });
  const optimizer = new AdamW({ parameters: model.parameters, learningRate: 8e-3 });
  for (const phase of own.curriculum({ stages })) {
    const context = reasoner.layoutContext();
    const layouts = examples.map((example, row) =>
      reasoner.method.layout({ example, phase, context, counters: [1, row] }),
    );
    const batch = collateLayouts({ layouts, padId: 0, lossWeight: 1 });
    const labels = layouts.map((layout) => [
      ...layout.labels,
      ...new Array<number>(batch.time - layout.labels.length).fill(-100),
    ]);
    const thoughts = layouts.flatMap((layout, row) =>
      layout.thoughts.map(({ position }) => ({
        index: row * batch.time + position,
        number: numbers.indexOf(examples[row]!.answer),
      })),
    );
    for (let step = 0; step < 120; step++) {
      const { value, gradients } = valueAndGradients({
        parameters: model.parameters,
        compute: () => {
          const { embeddings, forwardExtras } = embedBatch({ model, ...batch });
          const { hidden } = model.forward({ ...forwardExtras, embeddings });
          const { sum, count } = nextTokenLoss({ model, hidden, labels });
          const answering = tf.div(sum, count) as tf.Scalar;
          if (steps === 1 || thoughts.length === 0) return answering;
          // The thoughts of longer chains are supervised by what their steps say.
          const read = gatherRows({
            input: tf.reshape(hidden, [-1, hidden.shape[2]]) as tf.Tensor2D,
            indices: thoughts.map(({ index }) => index),
          });
          const said = crossEntropy({
            logits: tf.slice(read, [0, 0], [-1, numbers.length]),
            labels: tf.tensor1d(
              thoughts.map(({ number }) => number),
              'int32',
            ),
          });
          return tf.add(answering, tf.mean(said)) as tf.Scalar;
        },
      });
      optimizer.step({ gradients });
      tf.dispose([value, ...Object.values(gradients)]);
    }
  }
  optimizer.dispose();
  return reasoner;
}
