import type { ReasoningExample } from '@subtext/data';
import { Explainer, Interpreter, Projector } from '@subtext/decoder';
import { createModel, nextTokenLoss } from '@subtext/model';
import {
  createMethod,
  Reasoner,
  taggedFormat,
  type MethodSpecification,
  type ReasonerSettings,
} from '@subtext/reasoner';
import { AdamW, RandomStream, tf, valueAndGradients } from '@subtext/tensor';
import { trainWordLevelTokenizer } from '@subtext/tokenizer';

const numbers = ['3', '5', '7', '9'];
const names = ['ant', 'bee', 'cat', 'dog', 'eel', 'fox'];

/** Which number does something have? The step says it, the answer too. Questions have several lengths. */
export function toyExamples({ count, seed = 0 }: { count: number; seed?: number }): ReasoningExample[] {
  const random = new RandomStream({ seed });
  const draw = (limit: number) => Math.floor(random.uniform() * limit);
  return Array.from({ length: count }, (_, index): ReasoningExample => {
    const number = numbers[draw(numbers.length)]!;
    const name = names[draw(names.length)]!;
    const question = index % 2 === 0 ? `the ${name} has ${number}` : `the ${name} has , as said , ${number}`;
    return { id: `toy-${index}`, question, steps: [{ text: `its number is ${number}` }], answer: number };
  });
}

const config = {
  model_type: 'llama',
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
  tie_word_embeddings: true,
  initializer_range: 0.1,
};

/** What positions after the thinking token see while the model learns. */
export type ToySight =
  /** Not the question: the answer must come from the thought. */
  | 'thought'
  /** Not the thought: the answer must come from the question. */
  | 'question'
  | 'both';

/** A reasoner of one stage that was trained on `toyExamples` for a few seconds. */
export function trainToyReasoner({
  method = { name: 'heima', textPhase: false, recovering: false },
  sight = 'both',
  steps = 150,
  modelConfig = {},
}: {
  method?: MethodSpecification;
  sight?: ToySight;
  steps?: number;
  modelConfig?: Record<string, unknown>;
} = {}): Reasoner {
  const examples = toyExamples({ count: 64, seed: 1 });
  const stages = ['step_1'];
  const tokenizer = trainWordLevelTokenizer({
    texts: examples.flatMap(({ question, steps: [step], answer }) => [question, step!.text, answer]),
    split: 'whitespace',
    specialTokens: [
      '<slot>',
      ...taggedFormat.tags({ stages }),
      ...createMethod({ name: 'heima' }).specialTokens({ stages }),
      ...createMethod(method).specialTokens({ stages }),
    ].filter((token, index, all) => all.indexOf(token) === index),
  });
  const model = createModel({ config: { ...config, vocab_size: tokenizer.vocabularySize, ...modelConfig }, seed: 5 });
  const settings: ReasonerSettings = {
    format: 1,
    method,
    stages,
    hiddenStages: method.name === 'heima' ? stages : [],
    reasoningFormat: 'tagged',
    prefix: ['<s>'],
    endToken: '</s>',
    thoughtReading: 'before',
    longestResponse: 12,
  };
  const reasoner = new Reasoner({ model, tokenizer, settings });
  const phase = reasoner.method.curriculum({ stages }).at(-1)!;
  const layouts = examples.map((example) =>
    reasoner.method.layout({ example, phase, context: reasoner.layoutContext() }),
  );
  const time = Math.max(...layouts.map(({ ids }) => ids.length));
  const padded = (values: readonly number[], filler: number) => [
    ...values,
    ...new Array<number>(time - values.length).fill(filler),
  ];
  const ids = layouts.map((layout) => padded(layout.ids, 0));
  const labels = layouts.map((layout) => padded(layout.labels, -100));
  const sees = layouts.map(({ thoughts, promptLength }) =>
    ids[0]!.map((_, query) =>
      ids[0]!.map((__, key) => {
        const last = thoughts.at(-1)?.position;
        if (last === undefined || sight === 'both' || query <= last) return 1;
        // The first position stays in sight, so that attention has somewhere to rest.
        if (sight === 'thought') return key === 0 || key >= promptLength ? 1 : 0;
        return key >= promptLength && key <= last ? 0 : 1;
      }),
    ),
  );
  const optimizer = new AdamW({ parameters: model.parameters, learningRate: 8e-3 });
  for (let step = 0; step < steps; step++) {
    const { value, gradients } = valueAndGradients({
      parameters: model.parameters,
      compute: () => {
        // One step in four sees everything, as the audit does.
        const mask = sight === 'both' || step % 4 === 3 ? null : tf.tensor3d(sees, undefined, 'int32');
        const { hidden } = model.forward({ embeddings: model.embed(tf.tensor2d(ids, undefined, 'int32')), mask });
        const { sum, count } = nextTokenLoss({ model, hidden, labels });
        return tf.div(sum, count);
      },
    });
    optimizer.step({ gradients });
    tf.dispose([value, ...Object.values(gradients)]);
  }
  optimizer.dispose();
  return reasoner;
}

/** An interpreter of the toy reasoner's stage with random weights: it can know nothing. */
export function randomExplainer({ reasoner }: { reasoner: Reasoner }): Explainer {
  const { tokenizer } = reasoner;
  const { width } = reasoner.model.dimensions;
  const model = createModel({ config: { ...config, vocab_size: tokenizer.vocabularySize }, seed: 11 });
  const projector = { kind: 'linear', inputWidth: width } as const;
  return new Explainer({
    interpreter: Interpreter.of({
      name: 'random',
      stages: ['step_1'],
      model,
      projector: new Projector({ ...projector, outputWidth: width, seed: 2 }),
    }),
    tokenizer,
    settings: {
      format: 1,
      kind: 'interpreter',
      name: 'random',
      stages: ['step_1'],
      templates: 'brief',
      withQuestion: true,
      slotToken: '<slot>',
      prefix: ['<s>'],
      endToken: '</s>',
      reading: 'before',
      projector,
      longestExplanation: 6,
      mode: 'after',
    },
  });
}

/** How the toy's answers are asked and scored. */
export const toyTask = {
  prompt: ({ question }: ReasoningExample) => question,
  score: ({ prediction, example }: { prediction: string | null; example: ReasoningExample }) => ({
    correct: prediction === example.answer,
    parseable: prediction !== null,
    extracted: prediction,
    scores: {},
  }),
};
