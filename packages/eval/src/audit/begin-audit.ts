import type { ReasoningExample } from '@subtext/data';
import { mkdir } from 'node:fs/promises';

import type { ThoughtAuditSubject } from './audit-subject';
import type { AuditThinkingOptions } from './audit-thinking';
import { auditThoughts, type ThoughtAudit } from './audit-thoughts';
import { commonestAnswerFloor } from './commonest-answer-floor';
import { keepThoughtRuns } from './kept-runs';
import { partnersIn } from './partners-in';

/** What is told of how far an audit is. */
type Progress = (at: { done: number; total: number; name?: string }) => void;

/** What every audit of a reasoner begins with. */
export interface BegunAudit extends ReturnType<typeof partnersIn> {
  /** Tells how far a part of the audit is, under a label. */
  progress: (label: string) => Progress;
  /** Replaces all thoughts of a subject at once; finished runs are kept. */
  thoughtsOf: (subject: ThoughtAuditSubject<ReasoningExample>) => Promise<ThoughtAudit>;
}

/** Makes the folder in which runs are kept, and chooses who may exchange thoughts with whom. */
export async function beginAudit({
  examples,
  kept,
  floor = commonestAnswerFloor({ examples }),
  peers,
  seed,
  onEvent,
}: AuditThinkingOptions): Promise<BegunAudit> {
  if ((peers?.rank ?? 0) === 0) await mkdir(kept, { recursive: true });
  const progress =
    (label: string): Progress =>
    ({ name: details, ...rest }) =>
      onEvent?.({ event: 'progress', label, ...rest, ...(details === undefined ? {} : { details }) });
  const partners = partnersIn({ examples });
  return {
    ...partners,
    progress,
    thoughtsOf: (subject) =>
      auditThoughts({
        subject: keepThoughtRuns({ subject, folder: kept, peers }),
        examples,
        floor,
        seed,
        ...partners,
        onProgress: progress('interventions'),
      }),
  };
}
