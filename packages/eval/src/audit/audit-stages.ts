import type { Estimate } from '@subtext/core';
import { normalizeAnswer, RandomStream } from '@subtext/data';

import { EvaluationError } from '../errors';
import type { HiddenStage, StageAuditSubject, ThoughtAuditSample } from './audit-subject';
import { shareOf } from './measure-interventions';
import { judgeStage, type StageVerdict } from './stage-verdict';

/** What exchanging one stage's thoughts between examples does. */
export interface StageSwap {
  /** Of all exchanges, the share whose answer is one's own as before. */
  stays: Estimate;
  /** The share whose answer is another than before. */
  changes: Estimate;
  /** The share whose answer is the one that follows from the partner's stage; null where the data does not tell which. */
  follows: Estimate | null;
  /** The share whose answer is neither; null like `follows`. */
  somethingElse: Estimate | null;
}

/** One stage's part of an audit. */
export interface StageAudit extends StageVerdict {
  stage: string;
  /** Exchanges in which the stage's thoughts could show: of answers that are right, or, where the truth is not known, of answers that differ. */
  pairs: number;
  /** Whether the data tells the answer that follows from the partner's stage. */
  truthKnown: boolean;
  /** Null without a pair. */
  swap: StageSwap | null;
}

/** Options of {@link auditStages}. */
export interface AuditStagesOptions<Example> {
  subject: StageAuditSubject<Example>;
  examples: readonly Example[];
  /** By example: what the model answers with its own thoughts. */
  own: readonly Pick<ThoughtAuditSample, 'answer' | 'correct'>[];
  /**
   * The answer that follows for an example from its partner's stage, in the writing of `own`; null where the data does not
   * tell. Where it tells nothing of a stage at all, only whether answers change is measured. @default nothing is known
   */
  counterfactual?: (options: { example: Example; partner: Example; stage: string }) => string | null;
  /** Whether two examples may exchange where the truth is not known, such as those of one kind of question. @default any two */
  compatible?: (left: Example, right: Example) => boolean;
  /** Whether an example could give an answer at all; where the truth is not known. @default any */
  candidate?: (example: Example, answer: string) => boolean;
  /** From this share on, by the interval's lower end, a stage is used. @default 0.5 */
  usedFrom?: number;
  /** Up to this share, by the interval's upper end, it is not used. @default 0.1 */
  unusedTo?: number;
  /** Of the intervals. @default 0.95 */
  confidence?: number;
  /** Of the choice of partners. @default 0 */
  seed?: number;
  /** Called for each exchange. @default none */
  onExchange?: (exchange: {
    stage: string;
    /** Places of the example and of its partner. */
    row: number;
    partner: number;
    /** The answer that follows, or, where the truth is not known, the partner's. */
    expected: string | null;
    answer: string | null;
  }) => void;
  /** Called after each stage. @default none */
  onProgress?: (progress: { done: number; total: number; name: string }) => void;
}

/**
 * Measures stage by stage whether answers are made of a model's thoughts (an interchange intervention: Geiger et al.,
 * arXiv 2106.02997): the thoughts of one stage are exchanged for those of another example, and what comes after is thought
 * anew. Partners are chosen so that an exchange can show: both examples are answered rightly, the thoughts fit, and the
 * answer that follows differs from the own one and could be given. Where the data does not tell what follows, partners are
 * examples with other answers, and all that is said is whether the answer changes.
 *
 * @throws EvaluationError `length-mismatch` where the subject, or `own`, has another number of answers
 */
export async function auditStages<Example>(options: AuditStagesOptions<Example>): Promise<StageAudit[]> {
  const { subject, examples, own, confidence, usedFrom, unusedTo, onExchange, onProgress } = options;
  checkCount({ what: 'answers of its own', got: own.length, expected: examples.length });
  const stages = await subject.stages({ examples });
  const audits: StageAudit[] = [];
  for (const [index, stage] of stages.entries()) {
    const { partners, expected, truthKnown } = choosePartners({ ...options, stage });
    const rows = [...partners.keys()].filter((row) => partners[row]! >= 0);
    let swap: StageSwap | null = null;
    if (rows.length > 0) {
      const answers = await subject.swap({ examples, stage: stage.name, partners });
      checkCount({ what: 'answers', got: answers.length, expected: examples.length });
      for (const row of rows)
        onExchange?.({
          stage: stage.name,
          row,
          partner: partners[row]!,
          expected: expected[row]!,
          answer: answers[row]!,
        });
      const stays = rows.map((row) => same(answers[row]!, own[row]!.answer));
      const follows = rows.map((row) => same(answers[row]!, expected[row]!));
      const share = (flags: boolean[]) => shareOf({ flags, confidence });
      swap = {
        stays: share(stays),
        changes: share(stays.map((stayed) => !stayed)),
        follows: truthKnown ? share(follows) : null,
        somethingElse: truthKnown ? share(stays.map((stayed, place) => !stayed && !follows[place]!)) : null,
      };
    }
    const measured = { stage: stage.name, pairs: rows.length, truthKnown, swap };
    audits.push({ ...measured, ...judgeStage({ ...measured, usedFrom, unusedTo }) });
    onProgress?.({ done: index + 1, total: stages.length, name: stage.name });
  }
  return audits;
}

function same(one: string | null, other: string | null): boolean {
  return one !== null && other !== null && normalizeAnswer(one) === normalizeAnswer(other);
}

/** By example the partner whose stage can show in its answer, −1 where there is none, and the answer that then follows. */
function choosePartners<Example>({
  examples,
  own,
  counterfactual,
  compatible = () => true,
  candidate = () => true,
  seed = 0,
  stage: { name, shapes },
}: AuditStagesOptions<Example> & { stage: HiddenStage }): {
  partners: Int32Array;
  expected: (string | null)[];
  truthKnown: boolean;
} {
  const order = new RandomStream({ seed, name: `stage partners ${name}` }).shuffle([...examples.keys()]);
  const fits = (row: number, other: number) => row !== other && shapes[row] !== null && shapes[row] === shapes[other];
  /** The first partner in a random circle, behind the example itself, of whom there is an answer to expect. */
  const choose = (expect: (row: number, other: number) => string | null) => {
    const partners = new Int32Array(examples.length).fill(-1);
    const expected = new Array<string | null>(examples.length).fill(null);
    for (const [place, row] of order.entries()) {
      for (let step = 1; step < order.length && partners[row]! < 0; step++) {
        const other = order[(place + step) % order.length]!;
        const answer = fits(row, other) ? expect(row, other) : null;
        if (answer === null || same(answer, own[row]!.answer)) continue;
        partners[row] = other;
        expected[row] = answer;
      }
    }
    return { partners, expected };
  };
  const told = (row: number, other: number) =>
    counterfactual?.({ example: examples[row]!, partner: examples[other]!, stage: name }) ?? null;
  const known =
    counterfactual !== undefined &&
    order.some((row) => order.some((other) => fits(row, other) && told(row, other) !== null));
  if (known)
    return {
      ...choose((row, other) => (own[row]!.correct && own[other]!.correct ? told(row, other) : null)),
      truthKnown: true,
    };
  return {
    ...choose((row, other) => {
      const [mine, theirs] = [own[row]!.answer, own[other]!.answer];
      const shows =
        mine !== null &&
        theirs !== null &&
        compatible(examples[row]!, examples[other]!) &&
        candidate(examples[row]!, theirs);
      return shows ? theirs : null;
    }),
    truthKnown: false,
  };
}

function checkCount({ what, got, expected }: { what: string; got: number; expected: number }): void {
  if (got !== expected)
    throw new EvaluationError({
      code: 'length-mismatch',
      message: `The subject returned ${got} ${what} for ${expected} examples; it must return one an example, in order.`,
    });
}
