import { generateModularArithmetic, type ReasoningExample } from '@subtext/data';
import { createModel, nextTokenLoss } from '@subtext/model';
import {
  collateLayouts,
  createMethod,
  embedBatch,
  methodVisibility,
  Reasoner,
  taggedFormat,
  type MethodSpecification,
} from '@subtext/reasoner';
import { AdamW, crossEntropy, gatherRows, tf, valueAndGradients } from '@subtext/tensor';
import { trainWordLevelTokenizer } from '@subtext/tokenizer';

const modulus = 3;
const stages = ['step_1', 'step_2'];
const method: MethodSpecification = { name: 'heima', textPhase: false, progressive: false, recovering: false };

/** Calculations of two steps modulo 3, such as `2 +1 *2`. */
export function calculations({ count, seed }: { count: number; seed: number }): ReasoningExample[] {
  return [...generateModularArithmetic({ count, seed, modulus, steps: { minimum: 2, maximum: 2 } })];
}

/**
 * A reasoner of a thinking token a step that calculates modulo 3: each step sees the question and the step before, the
 * answer only the last step, and every thought is trained to hold its step's number. From nothing, in a few seconds.
 */
export function trainCalculatingReasoner({ steps = 100 }: { steps?: number } = {}): Reasoner {
  const own = createMethod(method);
  const examples = calculations({ count: 200, seed: 1 });
  const tokenizer = trainWordLevelTokenizer({
    texts: examples.flatMap(({ question, answer }) => [question, answer]),
    split: 'whitespace',
    specialTokens: [...taggedFormat.tags({ stages }), ...own.specialTokens({ stages })],
  });
  const model = createModel({
    config: {
      model_type: 'llama',
      hidden_size: 32,
      intermediate_size: 64,
      num_hidden_layers: 3,
      num_attention_heads: 4,
      max_position_embeddings: 64,
      tie_word_embeddings: true,
      initializer_range: 0.1,
      vocab_size: tokenizer.vocabularySize,
    },
    seed: 5,
  });
  const visibility = { question: [], step_1: ['question'], step_2: ['question', 'step_1'], answer: ['step_2'] };
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
      visibility: methodVisibility({ method: own, visibility, stages, image: false }),
      longestResponse: 16,
    },
  });
  const context = reasoner.layoutContext();
  const phase = own.curriculum({ stages }).at(-1)!;
  const layouts = examples.map((example) => reasoner.method.layout({ example, phase, context }));
  const batch = collateLayouts({ layouts, padId: 0, lossWeight: 1 });
  const labels = layouts.map((layout) => [
    ...layout.labels,
    ...new Array<number>(batch.time - layout.labels.length).fill(-100),
  ]);
  const thoughts = layouts.flatMap((layout, row) =>
    layout.thoughts.map(({ position }, step) => ({
      index: row * batch.time + position,
      number: Number(examples[row]!.steps[step]!.text.split('=')[1]),
    })),
  );
  const optimizer = new AdamW({ parameters: model.parameters, learningRate: 8e-3 });
  for (let step = 0; step < steps; step++) {
    const { value, gradients } = valueAndGradients({
      parameters: model.parameters,
      compute: () => {
        const { embeddings, forwardExtras } = embedBatch({ model, ...batch });
        const { hidden } = model.forward({ ...forwardExtras, embeddings });
        const { sum, count } = nextTokenLoss({ model, hidden, labels });
        const read = gatherRows({
          input: tf.reshape(hidden, [-1, hidden.shape[2]]) as tf.Tensor2D,
          indices: thoughts.map(({ index }) => index),
        });
        const said = crossEntropy({
          logits: tf.slice(read, [0, 0], [-1, modulus]),
          labels: tf.tensor1d(
            thoughts.map(({ number }) => number),
            'int32',
          ),
        });
        return tf.add(tf.div(sum, count), tf.mean(said)) as tf.Scalar;
      },
    });
    optimizer.step({ gradients });
    tf.dispose([value, ...Object.values(gradients)]);
  }
  optimizer.dispose();
  return reasoner;
}
