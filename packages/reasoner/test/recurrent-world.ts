import { createModel } from '@subtext/model';
import { trainWordLevelTokenizer } from '@subtext/tokenizer';

import { Reasoner, type MethodSpecification } from '../src/index';

/** Words that puzzles of these tests are made of. */
export const puzzles = [
  { question: '1 . 3', answer: '1 2 3' },
  { question: '. 2 . 4', answer: '1 2 3 4' },
  { question: '4 .', answer: '4 3' },
];

/** A recurrent reasoner with random weights. */
export function randomRecurrentReasoner({
  method = { name: 'recurrent', recurrences: 4 },
  modelType = 'subtext_recurrent',
  positions = 6,
}: {
  method?: MethodSpecification;
  modelType?: 'subtext_recurrent' | 'llama';
  /** That the model has room for. */
  positions?: number;
} = {}): Reasoner {
  const tokenizer = trainWordLevelTokenizer({
    texts: puzzles.flatMap(({ question, answer }) => [question, answer]),
    split: 'whitespace',
    specialTokens: ['<|latent|>', '<|end-latent|>'],
  });
  const sizes = { vocab_size: tokenizer.vocabularySize, hidden_size: 8, intermediate_size: 16, num_attention_heads: 2 };
  const own = modelType === 'llama' ? { num_hidden_layers: 1 } : { max_position_embeddings: positions };
  const model = createModel({
    config: { model_type: modelType, ...sizes, ...own, initializer_range: 0.4 },
    seed: 2,
  });
  return new Reasoner({
    model,
    tokenizer,
    settings: {
      format: 1,
      method,
      stages: [],
      hiddenStages: [],
      reasoningFormat: 'tagged',
      prefix: ['<s>'],
      endToken: '</s>',
      thoughtReading: 'before',
      longestResponse: 0,
    },
  });
}
