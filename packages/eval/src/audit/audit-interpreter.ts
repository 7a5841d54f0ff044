import type { ThoughtStates } from '@subtext/decoder';

import { EvaluationError } from '../errors';
import type { BootstrapOptions } from '../statistics/bootstrap';
import type { InterpreterAuditSubject, InterpreterCondition } from './audit-subject';
import { judgeInterpreter, type InterpreterVerdict } from './interpreter-verdict';
import {
  type ConditionRun,
  describe,
  inDistribution,
  type InterpreterConditionResult,
  readShareOf,
} from './measure-conditions';
import type { MeasuredShare } from './measure-interventions';
import { replaceByAnother, replaceByMean, replaceByNoise, replaceByZeros } from './interventions';

/** An audit of an interpreter. */
export interface InterpreterAudit {
  count: number;
  conditions: InterpreterConditionResult[];
  /** `facts` where the data has facts, else `likelihood`. */
  measure: 'facts' | 'likelihood';
  /**
   * Share of what the best blind condition leaves open that the thought tells:
   * `(own − blind) / (1 − blind)` in facts, or `(NLL_blind − NLL_own) / NLL_blind`. Blind are conditions of the kind that
   * was trained on: another example's thought, and a blind interpreter where one is given. Null where there is none, or
   * where blindness leaves nothing open.
   */
  readShare: MeasuredShare | null;
  verdict: InterpreterVerdict;
  /** False where there are too few samples to tell the verdict from its neighbour. */
  certain: boolean;
  evidence: string[];
}

/** Options of {@link auditInterpreter}. */
export interface AuditInterpreterOptions<Example> extends BootstrapOptions {
  subject: InterpreterAuditSubject<Example>;
  examples: readonly Example[];
  /** An interpreter that was trained alike on other examples' thoughts, so that it could learn no more than to guess: the fairest guess. It is given another example's thoughts here too. @default none */
  blind?: Pick<InterpreterAuditSubject<Example>, 'explain'>;
  /** From this share on, by the interval's lower end, the interpreter reads. @default 0.5 */
  readsFrom?: number;
  /** Up to this share, by the interval's upper end, it guesses. @default 0.1 */
  guessesTo?: number;
  /** Called after each condition. @default none */
  onProgress?: (progress: { done: number; total: number; name: string }) => void;
}

/**
 * Measures whether an interpreter's text comes from the thought: facts right and the likelihood of the
 * true stage with the own thought, against zeros, the mean, noise, another example's, the question alone
 * and the thought alone.
 *
 * @throws EvaluationError empty-set for fewer than two examples; length-mismatch where the subject returns another number of samples.
 */
export async function auditInterpreter<Example>({
  subject,
  examples,
  blind: blindSubject,
  readsFrom,
  guessesTo,
  onProgress,
  seed = 0,
  resamples,
  confidence,
}: AuditInterpreterOptions<Example>): Promise<InterpreterAudit> {
  const drawing: BootstrapOptions = { seed, resamples, confidence };
  if (examples.length < 2)
    throw new EvaluationError({
      code: 'empty-set',
      message: `An audit needs two examples or more, got ${examples.length}; raise the limit.`,
    });
  const thoughts = await subject.collect({ examples });
  checkCount('thoughts', thoughts.length, examples.length);
  const another = replaceByAnother({ thoughts, seed });
  const all = examples.map((_, index) => index);
  // Where no other example has as many thoughts, there is no such control: never the example's own.
  const withAnother = all.filter((index) => (another.partners?.[index] ?? -1) >= 0);
  const plan: {
    condition: InterpreterCondition;
    thoughts: readonly ThoughtStates[] | null;
    question: boolean;
    indices: number[];
    by?: Pick<InterpreterAuditSubject<Example>, 'explain'>;
  }[] = [
    { condition: 'own', thoughts, question: true, indices: all },
    ...(withAnother.length < 2
      ? []
      : [{ condition: 'another' as const, thoughts: another.thoughts, question: true, indices: withAnother }]),
    ...(blindSubject === undefined || withAnother.length < 2
      ? []
      : [
          {
            condition: 'blind interpreter' as const,
            thoughts: another.thoughts,
            question: true,
            indices: withAnother,
            by: blindSubject,
          },
        ]),
    { condition: 'zeros', thoughts: replaceByZeros({ thoughts }).thoughts, question: true, indices: all },
    { condition: 'mean', thoughts: replaceByMean({ thoughts }).thoughts, question: true, indices: all },
    { condition: 'noise', thoughts: replaceByNoise({ thoughts, seed }).thoughts, question: true, indices: all },
    { condition: 'question only', thoughts: null, question: true, indices: all },
    { condition: 'thought only', thoughts, question: false, indices: all },
  ];
  const runs = new Map<InterpreterCondition, ConditionRun>();
  for (const [step, { condition, thoughts: given, question, indices, by = subject }] of plan.entries()) {
    const samples = await by.explain({
      examples: indices.map((index) => examples[index] as Example),
      condition,
      thoughts: given === null ? null : indices.map((index) => given[index] as ThoughtStates),
      question,
    });
    checkCount(`samples for "${condition}"`, samples.length, indices.length);
    runs.set(condition, { indices, samples });
    onProgress?.({ done: step + 1, total: plan.length, name: condition });
  }
  const own = (runs.get('own') as ConditionRun).samples;
  const facts = own.some(({ factsTotal }) => factsTotal > 0);
  const conditions = plan.map(({ condition }) =>
    describe({ condition, own, run: runs.get(condition) as ConditionRun, facts, drawing }),
  );
  const blind = [...runs].flatMap(([condition, run]) =>
    condition !== 'own' && inDistribution.has(condition) ? [run] : [],
  );
  const readShare = readShareOf({ own, blind, facts, drawing });
  const audit = {
    count: examples.length,
    conditions,
    measure: facts ? ('facts' as const) : ('likelihood' as const),
    readShare,
  };
  return { ...audit, ...judgeInterpreter({ ...audit, readsFrom, guessesTo }) };
}

function checkCount(what: string, got: number, expected: number): void {
  if (got !== expected)
    throw new EvaluationError({
      code: 'length-mismatch',
      message: `The subject returned ${got} ${what} for ${expected} examples; it must return one an example, in order.`,
    });
}
