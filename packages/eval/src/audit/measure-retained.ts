import type { Peers } from '@subtext/core/node';
import type { ReasoningExample } from '@subtext/data';

import type { EvaluationListener } from '../run/evaluation-event';
import { openReasoner } from '../run/open-model';
import type { EvaluationTask } from '../tasks/evaluation-task';
import type { ThoughtAuditSubject } from './audit-subject';
import { ReasonerThoughts } from './reasoner-thoughts';
import { type RetainedInformation, retainedInformation } from './retained-information';

/** Likelihoods of the true answers by the two models on either side of a hidden chain, against the audited one's. */
export async function measureRetained({
  withoutChain,
  written,
  hidden,
  task,
  examples,
  batch,
  peers,
  seed,
  onEvent,
  signal,
}: {
  /** The folder of a reasoner without a chain. */
  withoutChain: string;
  /** The folder of a reasoner that writes its chain. */
  written: string;
  /** The audited model. */
  hidden: ThoughtAuditSubject<ReasoningExample>;
  task: EvaluationTask;
  examples: ReasoningExample[];
  batch: number;
  /** The processes that audit together. @default this one by itself */
  peers?: Peers;
  seed: number;
  onEvent?: EvaluationListener;
  signal?: AbortSignal;
}): Promise<RetainedInformation> {
  const of = async (subject: ThoughtAuditSubject<ReasoningExample>) =>
    (await subject.run({ examples, intervention: null })).map(({ negativeLogLikelihood }) => negativeLogLikelihood);
  const ofFolder = async (folder: string) => {
    const reasoner = await openReasoner({ folder, loaded: [{ task, examples }] });
    const onProgress = (progress: { done: number; total: number }) =>
      onEvent?.({ event: 'progress', label: folder, ...progress });
    try {
      return await of(new ReasonerThoughts({ reasoner, task, batch, peers, signal, onProgress }));
    } finally {
      reasoner.dispose();
    }
  };
  return retainedInformation({
    withoutChain: await ofFolder(withoutChain),
    written: await ofFolder(written),
    hidden: await of(hidden),
    seed,
  });
}
