import { imageFile } from '@subtext/data';
import { editAnswer, type ThoughtEdit } from '@subtext/decoder';
import {
  alongDirection,
  type Answer,
  type ChangedAnswer,
  changeThoughts as thinkOn,
  loadDirection,
  type Question,
  type Reasoner,
  stageThoughts,
} from '@subtext/reasoner';
import { UsageError } from '@subtext/terminal';

/** What is done to a thought, as the command line says it. */
export interface ThoughtChange {
  steer?: string;
  strength?: number;
  stage?: string;
  swap?: string;
  from?: string;
  fromImage?: string;
  /** In order. */
  change?: ThoughtEdit[];
}

const kinds = 'zeros, cut, noise:<share>, order:<numbers from 1>';

/** Adds `stage=kind` or `stage.number=kind` to what is changed. @throws UsageError */
export function readChange(text: string, before: ThoughtEdit[] = []): ThoughtEdit[] {
  const [, stage, number, kind, rest] =
    /^([^=]+?)(?:\.(\d+))?=(zeros|cut|noise|order)(?::(.+))?$/.exec(text.trim()) ?? [];
  const wrong = (why: string) =>
    new UsageError(`--change takes a stage, or one of its thoughts, and what is done to it (${kinds}): ${why}.`);
  if (stage === undefined || number === '0') throw wrong(`caption=zeros, or caption.2=noise:0.5, not "${text}"`);
  const place = { stage, ...(number !== undefined && { index: Number(number) - 1 }) };
  if (kind === 'noise') {
    const amount = Number(rest ?? 1);
    if (!Number.isFinite(amount)) throw wrong(`"${rest}" is no number`);
    return [...before, { kind, ...place, amount }];
  }
  if (kind === 'order') {
    const order = (rest ?? '').split(',').map((part) => Number(part) - 1);
    if (number !== undefined || order.some((one) => !Number.isInteger(one) || one < 0))
      throw wrong(`an order is of a whole stage, caption=order:2,1,3, not "${text}"`);
    return [...before, { kind, stage, order }];
  }
  if (rest !== undefined) throw wrong(`${kind} takes no "${rest}"`);
  return [...before, { kind: kind as 'zeros' | 'cut', ...place }];
}

/** @throws UsageError where options do not belong together */
export function checkChange({ steer: file, strength, stage, swap, from, fromImage, change }: ThoughtChange): void {
  if (file === undefined && (strength !== undefined || stage !== undefined))
    throw new UsageError('--strength and --stage say how a direction is added; give one with --steer.');
  if ((swap === undefined) !== (from === undefined))
    throw new UsageError('--swap takes a stage from another question, which --from asks; give both.');
  if (fromImage !== undefined && from === undefined)
    throw new UsageError('--from-image is the picture of the question that --from asks; give both.');
  if (swap !== undefined && file !== undefined)
    throw new UsageError('--swap and --steer both change thoughts; give one at a time.');
  if (change !== undefined && (file ?? swap) !== undefined)
    throw new UsageError(
      `--change and ${file === undefined ? '--swap' : '--steer'} both change thoughts; give one at a time.`,
    );
}

/** The answer with its thoughts changed; the answer itself where nothing is to be changed. */
export async function changeThoughts({
  reasoner,
  question,
  answer,
  change: given,
}: {
  reasoner: Reasoner;
  question: Question;
  answer: Answer;
  change: ThoughtChange;
}): Promise<ChangedAnswer> {
  const { steer: file, strength = 1, stage, swap, from = '', fromImage, change: edits } = given;
  const asked = { reasoner, questions: [question], answers: [answer] };
  if (file !== undefined) {
    const direction = await loadDirection({ path: file });
    const steered = stage ?? direction.stage;
    const [thoughts] = await stageThoughts({ ...asked, stage: steered });
    const changes = [{ stage: steered, thoughts: alongDirection({ thoughts: thoughts!, direction, strength }) }];
    return thinkOn({ reasoner, question, answer, changes });
  }
  if (swap !== undefined) {
    const other = { question: from, ...(fromImage !== undefined && { image: imageFile(fromImage) }) };
    const answers = await reasoner.think({ questions: [other] });
    const [thoughts] = await stageThoughts({ reasoner, questions: [other], answers, stage: swap });
    return thinkOn({ reasoner, question, answer, changes: [{ stage: swap, thoughts: thoughts! }] });
  }
  if (edits === undefined) return { answer, places: [], hidden: [] };
  return editAnswer({ reasoner, question, answer, edits });
}
