// Asks a reasoner, and reads each thought of its answer twice: as an interpreter words it, and as the words that the model
// itself would be nearest to saying there (the logit lens).
//   node read-a-thought.mjs MODEL QUESTION
import { explainAnswers, loadExplainers, logitLens } from '@subtext/decoder';
import { Reasoner } from '@subtext/reasoner';
import { tf, useEngine } from '@subtext/tensor';

const [folder, question] = process.argv.slice(2);
await useEngine();
const reasoner = await Reasoner.load({ folder });
const questions = [{ question }];
const answers = await reasoner.think({ questions });
const [{ answer, text, thoughts }] = answers;
console.log(`answer: ${answer ?? text}`);

// Interpreters lie beside the model where it was trained with any.
const explainers = await loadExplainers({ folder });
const [words] = await explainAnswers({ explainers, questions, answers });
for (const [stage, told] of Object.entries(words)) console.log(`${stage} in words: ${told}`);

// A thought's state went through the final norm already: only the head is left.
const { width, vocabularySize } = reasoner.model.dimensions;
const states = tf.tensor2d(
  thoughts.flatMap(({ hidden }) => [...hidden]),
  [thoughts.length, width],
);
const [readings] = await logitLens({
  hiddenStates: [states],
  normalize: (normalized) => normalized,
  head: (normalized) =>
    reasoner.model.logits(normalized.reshape([1, thoughts.length, width])).reshape([thoughts.length, vocabularySize]),
  top: 3,
});
for (const [place, { tokens }] of readings.entries()) {
  const { stage, index } = thoughts[place];
  const likely = tokens.map(
    ({ id, probability }) => `${JSON.stringify(reasoner.tokenizer.decode([id]))} ${probability.toFixed(2)}`,
  );
  console.log(`${stage}, thought ${index}: ${likely.join(', ')}`);
}
