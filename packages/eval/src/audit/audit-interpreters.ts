import type { Peers } from '@subtext/core/node';
import type { ReasoningExample } from '@subtext/data';
import { Explainer } from '@subtext/decoder';
import { type Answer, stageName } from '@subtext/reasoner';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { EvaluationListener } from '../run/evaluation-event';
import { auditInterpreter, type InterpreterAudit } from './audit-interpreter';
import { verdictWords } from './audit-sections';
import { explainerSubject } from './explainer-subject';
import { keepExplanations } from './kept-runs';

/** Audits every stage of every interpreter in a reasoner's folder, in the order of their names, beside the blind one of the same name where there is one. */
export async function auditInterpreters({
  model,
  examples,
  answers,
  kept,
  batch,
  peers,
  seed,
  onEvent,
  signal,
}: {
  /** The reasoner's folder. */
  model: string;
  examples: ReasoningExample[];
  /** By example. */
  answers: readonly Answer[];
  /** The folder in which finished conditions are kept. */
  kept: string;
  batch: number;
  /** The processes that audit together; the first one keeps the conditions. @default this one by itself */
  peers?: Peers;
  seed: number;
  onEvent?: EvaluationListener;
  signal?: AbortSignal;
}): Promise<{ name: string; audit: InterpreterAudit }[]> {
  const notice = (text: string) => onEvent?.({ event: 'notice', text });
  const parent = join(model, 'interpreters');
  const names = existsSync(parent) ? (await readdir(parent)).sort() : [];
  if (names.length === 0) {
    notice('  The model has no interpreters to audit.');
    return [];
  }
  onEvent?.({ event: 'stage', text: 'Do the interpreters read the thoughts?' });
  const answerOf = new Map(examples.map((example, index) => [example, answers[index]!]));
  const audits: { name: string; audit: InterpreterAudit }[] = [];
  for (const name of names) {
    const explainer = await Explainer.load({ folder: join(parent, name) });
    const guesses = join(model, 'blind-interpreters', name);
    const guesser = existsSync(guesses) ? await Explainer.load({ folder: guesses }) : undefined;
    try {
      for (const stage of explainer.settings.stages) {
        const thoughtsOf = (example: ReasoningExample) =>
          answerOf.get(example)!.thoughts.flatMap((thought) => (thought.stage === stage ? [thought.hidden] : []));
        const usable = examples.filter(
          (example) =>
            thoughtsOf(example).length > 0 && example.steps.some((step, index) => stageName({ step, index }) === stage),
        );
        const title = names.length > 1 ? `${name}: ${stage}` : stage;
        if (usable.length < 2) {
          notice(
            `  ${title} is skipped: only ${usable.length} of ${examples.length} examples have its reference text and a thought.`,
          );
          continue;
        }
        const subjectOf = (one: Explainer, title: string) =>
          keepExplanations({
            subject: explainerSubject({ explainer: one, stage, thoughtsOf, batch, peers, signal }),
            folder: kept,
            peers,
            name: title,
          });
        const audit = await auditInterpreter({
          subject: subjectOf(explainer, `${name} ${stage}`),
          ...(guesser && { blind: subjectOf(guesser, `blind ${name} ${stage}`) }),
          examples: usable,
          seed,
          onProgress: ({ done, total, name: condition }) =>
            onEvent?.({ event: 'progress', label: title, done, total, details: condition }),
        });
        notice(`  ${title}: ${verdictWords(audit)}`);
        audits.push({ name: title, audit });
      }
    } finally {
      explainer.dispose();
      guesser?.dispose();
    }
  }
  return audits;
}
