// Are a model's thoughts used? Gives a question's answer the thoughts that another question got, or none at all, and shows
// what is answered then. All that comes after the changed stage is thought anew.
//   node edit-a-thought.mjs MODEL QUESTION OTHER_QUESTION
import { editAnswer } from '@subtext/decoder';
import { Reasoner, swapStage } from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';

const [folder, ...texts] = process.argv.slice(2);
await useEngine();
const reasoner = await Reasoner.load({ folder });
const [question, otherQuestion] = texts.map((text) => ({ question: text }));
const [answer, other] = await reasoner.think({ questions: [question, otherQuestion] });
/** @param {import('@subtext/reasoner').Answer} given */
const said = (given) => given.answer ?? given.text;
console.log(`asked: ${said(answer)}; the other question: ${said(other)}`);

for (const stage of new Set(answer.thoughts.map((thought) => thought.stage))) {
  const asked = { reasoner, questions: [question], answers: [answer] };
  const [swapped] = await swapStage({ ...asked, stage, from: [{ question: otherQuestion, answer: other }] });
  const cut = await editAnswer({ reasoner, question, answer, edits: [{ kind: 'cut', stage }] });
  console.log(`${stage}: with the other's thoughts ${said(swapped)}; without any ${said(cut.answer)}`);
}
// One question shows what is possible; whether it holds in general is what an audit measures (audit-a-checkpoint.mjs).
