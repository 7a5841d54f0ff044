import { type Auroc, auroc, questionStates, trainMonitor } from '@subtext/decoder';
import { normalizeAnswer, RandomStream } from '@subtext/data';
import { type Answer, monitorScore, type Question, type Reasoner, type ThoughtMonitor } from '@subtext/reasoner';

import { EvaluationError } from '../errors';
import { statesAt, thoughtsOfAll } from '../probes/thoughts-of-all';
import type { EvaluationListener } from '../run/evaluation-event';
import { askedOf, openReasoner } from '../run/open-model';
import { questionsOf, readableExamples } from '../tasks/questions-of';
import { checkField, fieldOf } from '../tasks/record-field';
import type { LoadedTask } from '../tasks/registry';

/** A field of the data with a value. */
export interface FieldValue {
  field: string;
  value: string;
}

/** Options of {@link makeMonitor}. */
export interface MakeMonitorOptions {
  /** The reasoner's folder. */
  model: string;
  /** The questions by whose thoughts monitors are trained. */
  loaded: Pick<LoadedTask, 'task' | 'examples'>;
  /** Other questions, on which they are measured. */
  test: Pick<LoadedTask, 'task' | 'examples'>;
  /** What is to be flagged: examples whose record has this value. */
  flag: FieldValue;
  /** Of the questions to train by, only those of which all of this holds. @default all */
  where?: readonly FieldValue[];
  /** Of the questions to measure on, only those of which all of this holds. @default all */
  testWhere?: readonly FieldValue[];
  /** Share of what is not to be flagged on which the alarm may be raised. @default 0.01 */
  falseAlarms?: number;
  /** Questions side by side. @default 32 */
  batch?: number;
  /** @default 0 */
  seed?: number;
  onEvent?: EvaluationListener;
  signal?: AbortSignal;
}

/** What a monitor finds in questions that it was not trained by. */
export interface MonitorFindings {
  auroc: Auroc;
  /** Share of what is to be flagged on which the alarm is raised. */
  detected: number;
  /** Share of the rest. */
  falseAlarms: number;
}

/** Monitors on shuffled flags. */
const SHUFFLES = 5;

/** What monitors of every thought find. */
export interface MadeMonitor {
  /** Of the thought at which training examples are told apart best; held-out ones decide. */
  monitor: ThoughtMonitor;
  /** By thought, in order. */
  thoughts: (MonitorFindings & {
    stage: string;
    index: number;
    /** On held-out training examples. */ trained: Auroc;
  })[];
  controls: {
    /** AUROC of monitors of the chosen thought that were trained on shuffled flags, one a shuffle: chance. */
    shuffled: number[];
    /** A monitor of the question's own states, their mean, before any thought; null where there is none. */
    question: MonitorFindings | null;
    /** Whether the answer is wrong as the only sign: what reading the output gives. */
    output: Auroc;
  };
  trainingCount: number;
  testCount: number;
  /** Share of right answers on the questions measured. */
  accuracy: number;
}

/**
 * Trains a monitor on each thought of a reasoner, which flags what the data says is to be flagged, and measures them on other
 * questions: how well they tell it apart, what the alarm finds, what it raises falsely; beside what the question's states and
 * the answer alone tell.
 *
 * @throws EvaluationError `invalid-option` for a field that no record has, or a value that too few or all have; DecoderError
 *   `empty-set`
 */
export async function makeMonitor({
  model,
  loaded,
  test,
  flag,
  where = [],
  testWhere = [],
  falseAlarms,
  batch = 32,
  seed = 0,
  onEvent,
  signal,
}: MakeMonitorOptions): Promise<MadeMonitor> {
  const reasoner = await openReasoner({ folder: model, loaded: [loaded, test] });
  try {
    const shared = { reasoner, flag, batch, onEvent, signal };
    const training = await answered({ ...shared, loaded, where, label: 'answering, to train by' });
    const measured = await answered({ ...shared, loaded: test, where: testWhere, label: 'answering, to measure on' });
    const places = thoughtsOfAll(training.answers);
    if (places.length === 0)
      throw new EvaluationError({
        code: 'invalid-option',
        message: "The reasoner's answers have no thoughts to monitor. Take one that hides its steps.",
      });
    const options = { falseAlarms, seed };
    const thoughts = places.map(({ stage, index }) => {
      const states = (answers: readonly Answer[]) => statesAt({ answers, stage, index });
      const { trained, findings } = tried({ training, measured, states, options });
      return { stage, index, trained, findings };
    });
    const best = thoughts.reduce((most, one) => (one.trained.auroc.value > most.trained.auroc.value ? one : most));
    const random = new RandomStream({ seed, name: 'monitor control' });
    const shuffled = Array.from({ length: SHUFFLES }, () => {
      const states = (answers: readonly Answer[]) => statesAt({ answers, stage: best.stage, index: best.index });
      const flags = { ...training, flagged: random.shuffle(training.flagged) };
      return tried({ training: flags, measured, states, options }).findings.auroc.value;
    });
    const question = await questionControl({ reasoner, training, measured, options, batch, signal });
    const { weights, bias, threshold } = best.trained;
    return {
      monitor: {
        ...{ stage: best.stage, index: best.index, weights, bias, threshold },
        source: `${flag.field}=${flag.value}`,
      },
      thoughts: thoughts.map(({ stage, index, trained, findings }) => ({
        ...{ stage, index, ...findings },
        trained: trained.auroc,
      })),
      controls: {
        shuffled,
        question,
        output: auroc({ scores: measured.right.map((right) => (right ? 0 : 1)), flagged: measured.flagged }),
      },
      trainingCount: training.flagged.length,
      testCount: measured.flagged.length,
      accuracy: measured.right.filter(Boolean).length / measured.right.length,
    };
  } finally {
    reasoner.dispose();
  }
}

/** Questions with what was answered to them. */
interface Answered {
  questions: Question[];
  answers: Answer[];
  flagged: boolean[];
  right: boolean[];
}

async function answered({
  reasoner,
  loaded,
  flag,
  where,
  batch,
  label,
  onEvent,
  signal,
}: {
  reasoner: Reasoner;
  loaded: Pick<LoadedTask, 'task' | 'examples'>;
  flag: FieldValue;
  where: readonly FieldValue[];
  batch: number;
  label: string;
  onEvent?: EvaluationListener;
  signal?: AbortSignal;
}): Promise<Answered> {
  const { task, examples: all } = askedOf({ reasoner, loaded: loaded as LoadedTask });
  for (const { field } of [flag, ...where]) checkField({ examples: all, field });
  const kept = all.filter((example) => where.every(({ field, value }) => fieldOf({ example, field }) === value));
  if (kept.length === 0)
    throw new EvaluationError({
      code: 'invalid-option',
      message: `None of the ${all.length} examples has ${where.map(({ field, value }) => `${field}=${value}`).join(' and ')}.`,
    });
  const { examples } = await readableExamples(kept);
  const questions = questionsOf({ task, examples });
  const answers = await reasoner.think({
    questions,
    batchSize: batch,
    signal,
    onProgress: (progress) => onEvent?.({ event: 'progress', label, ...progress }),
  });
  signal?.throwIfAborted();
  return {
    questions,
    answers,
    flagged: examples.map((example) => fieldOf({ example, field: flag.field }) === flag.value),
    right: examples.map(
      ({ answer }, row) =>
        answers[row]!.answer !== undefined && normalizeAnswer(answers[row]!.answer) === normalizeAnswer(answer),
    ),
  };
}

/** Trains on some states, and measures on the same of other answers. */
function tried({
  training,
  measured,
  states,
  options,
}: {
  training: Pick<Answered, 'answers' | 'flagged'>;
  measured: Pick<Answered, 'answers' | 'flagged'>;
  states: (answers: readonly Answer[]) => readonly Float32Array[];
  options: { falseAlarms?: number; seed: number };
}) {
  const trained = trainMonitor({ states: states(training.answers), flagged: training.flagged, ...options });
  return { trained, findings: findingsOf({ trained, states: states(measured.answers), flagged: measured.flagged }) };
}

function findingsOf({
  trained,
  states,
  flagged,
}: {
  trained: Pick<ReturnType<typeof trainMonitor>, 'weights' | 'bias' | 'threshold'>;
  states: readonly Float32Array[];
  flagged: readonly boolean[];
}): MonitorFindings {
  const scores = states.map((state) => monitorScore({ monitor: trained, state }));
  const alarms = (is: boolean) => {
    const own = scores.filter((_, row) => flagged[row] === is);
    return own.filter((score) => score >= trained.threshold).length / own.length;
  };
  return { auroc: auroc({ scores, flagged }), detected: alarms(true), falseAlarms: alarms(false) };
}

async function questionControl({
  reasoner,
  training,
  measured,
  options,
  batch,
  signal,
}: {
  reasoner: Reasoner;
  training: Answered;
  measured: Answered;
  options: { falseAlarms?: number; seed: number };
  batch: number;
  signal?: AbortSignal;
}): Promise<MonitorFindings | null> {
  const read = async ({ questions, answers }: Answered) =>
    (await questionStates({ reasoner, questions, answers, count: 1, batch, signal })).map(({ mean }) => mean);
  const [own, others] = [await read(training), await read(measured)];
  if ([...own, ...others].some((state) => state.length === 0 || Number.isNaN(state[0]))) return null;
  const trained = trainMonitor({ states: own, flagged: training.flagged, ...options });
  return findingsOf({ trained, states: others, flagged: measured.flagged });
}
