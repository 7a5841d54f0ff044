import { imageFile } from '@subtext/data';
import { type Answer, loadDirection, type Question, type Reasoner, steer, swapStage } from '@subtext/reasoner';
import { UsageError } from '@subtext/terminal';

/** What is done to a thought, as the command line says it. */
export interface ThoughtChange {
  steer?: string;
  strength?: number;
  stage?: string;
  swap?: string;
  from?: string;
  fromImage?: string;
}

/** @throws UsageError where options do not belong together */
export function checkChange({ steer: file, strength, stage, swap, from, fromImage }: ThoughtChange): void {
  if (file === undefined && (strength !== undefined || stage !== undefined))
    throw new UsageError('--strength and --stage say how a direction is added; give one with --steer.');
  if ((swap === undefined) !== (from === undefined))
    throw new UsageError('--swap takes a stage from another question, which --from asks; give both.');
  if (fromImage !== undefined && from === undefined)
    throw new UsageError('--from-image is the picture of the question that --from asks; give both.');
  if (swap !== undefined && file !== undefined)
    throw new UsageError('--swap and --steer both change thoughts; give one at a time.');
}

/** The answer with its thoughts changed; the answer itself where nothing is to be changed. */
export async function changeThoughts({
  reasoner,
  question,
  answer,
  change: { steer: file, strength, stage, swap, from = '', fromImage },
}: {
  reasoner: Reasoner;
  question: Question;
  answer: Answer;
  change: ThoughtChange;
}): Promise<Answer> {
  const asked = { reasoner, questions: [question], answers: [answer] };
  if (file !== undefined) {
    const direction = await loadDirection({ path: file });
    return (await steer({ ...asked, direction, strength, stage }))[0]!;
  }
  if (swap === undefined) return answer;
  const other = { question: from, ...(fromImage !== undefined && { image: imageFile(fromImage) }) };
  const [given] = await reasoner.think({ questions: [other] });
  return (await swapStage({ ...asked, stage: swap, from: [{ question: other, answer: given! }] }))[0]!;
}
