import type { ReasoningExample } from '@subtext/data';

import { auditStages } from './audit-stages';
import type { AuditedThinking, AuditThinkingOptions } from './audit-thinking';
import { beginAudit } from './begin-audit';
import { keepStageSwaps } from './kept-runs';
import { RecurrentStates } from './recurrent-states';

/**
 * Audits what a recurrent reasoner does with its states: all that was thought in the first half of its recurrences, and the
 * state after some of them by itself. Whether the answer becomes the partner's is what shows that it follows the state.
 */
export async function auditRecurrences(options: AuditThinkingOptions): Promise<AuditedThinking> {
  const { reasoner, task, examples, kept, batch, peers, seed, signal } = options;
  const { progress, compatible, candidate, thoughtsOf } = await beginAudit(options);
  const subject = new RecurrentStates({ reasoner, task, batch, peers, signal, onProgress: progress('answering') });
  const answers = await subject.answers({ examples });
  const thoughts = await thoughtsOf(subject);
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
