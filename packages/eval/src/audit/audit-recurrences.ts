import type { ReasoningExample } from '@subtext/data';
import { mkdir } from 'node:fs/promises';

import { auditStages } from './audit-stages';
import { auditThoughts } from './audit-thoughts';
import type { AuditedThinking, AuditThinkingOptions } from './audit-thinking';
import { commonestAnswerFloor } from './commonest-answer-floor';
import { keepStageSwaps, keepThoughtRuns } from './kept-runs';
import { partnersIn } from './partners-in';
import { RecurrentStates } from './recurrent-states';

/**
 * Audits what a recurrent reasoner does with its states: all that was thought in the first half of its recurrences, and the
 * state after some of them by itself. Whether the answer becomes the partner's is what shows that it follows the state.
 */
export async function auditRecurrences({
  reasoner,
  task,
  examples,
  kept,
  floor = commonestAnswerFloor({ examples }),
  batch,
  peers,
  seed,
  onEvent,
  signal,
}: AuditThinkingOptions): Promise<AuditedThinking> {
  if ((peers?.rank ?? 0) === 0) await mkdir(kept, { recursive: true });
  const progress =
    (label: string) =>
    ({ name: details, ...rest }: { done: number; total: number; name?: string }) =>
      onEvent?.({ event: 'progress', label, ...rest, ...(details === undefined ? {} : { details }) });
  const subject = new RecurrentStates({ reasoner, task, batch, peers, signal, onProgress: progress('answering') });
  const answers = await subject.answers({ examples });
  const { compatible, candidate } = partnersIn({ examples });
  const thoughts = await auditThoughts({
    subject: keepThoughtRuns({ subject, folder: kept, peers }),
    examples,
    floor,
    seed,
    candidate,
    compatible,
    onProgress: progress('interventions'),
  });
  const scored = (prediction: string | null, example: ReasoningExample) => task.score({ prediction, example });
  const stages = await auditStages({
    subject: keepStageSwaps({ subject, folder: kept, peers }),
    examples,
    own: answers.map(({ answer }, index) => {
      const { extracted, correct } = scored(answer ?? null, examples[index]!);
      return { answer: extracted, correct };
    }),
    counterfactual: ({ example, partner }) => scored(partner.answer, example).extracted,
    compatible,
    candidate,
    seed,
    onProgress: progress('stages'),
  });
  return { audit: { thoughts, stages, words: [], gradients: [] }, subject, answers };
}
