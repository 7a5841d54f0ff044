import type { Reasoner } from '@subtext/trainer';
import type { AnsweringModel } from './evaluate-task';

/** A reasoner as a model that answers a task's questions, greedily. */
export function reasonerModel({
  reasoner,
  maximumTokens,
}: {
  reasoner: Pick<Reasoner, 'think'>;
  /** Most tokens of a response. @default the reasoner's own limit */
  maximumTokens?: number;
}): AnsweringModel {
  return {
    async answer({ examples, prompts }) {
      const questions = examples.map(({ image }, index) => ({ question: prompts[index] as string, ...(image === undefined ? {} : { image }) }));
      const answers = await reasoner.think({ questions, batchSize: questions.length, ...(maximumTokens === undefined ? {} : { maxNewTokens: maximumTokens }) });
      return answers.map(({ text, answer, tokens }) => ({
        output: text,
        answer: answer ?? null,
        generatedTokens: tokens.generated,
        generatedTokensWithoutTags: tokens.withoutTags,
        thoughts: tokens.thinking,
        // The prompt's pass gives the first token, each further pass one more.
        forwardPasses: Math.max(1, tokens.generated),
      }));
    },
  };
}
