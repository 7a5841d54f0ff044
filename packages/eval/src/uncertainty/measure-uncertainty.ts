import { statesAt, thoughtsOfAll } from '../probes/thoughts-of-all';
import type { EvaluationListener } from '../run/evaluation-event';
import { openReasoner } from '../run/open-model';
import type { LoadedTask } from '../tasks/registry';
import { askedQuestions } from './asked-questions';
import { readChains, readChoices } from './read-choices';
import { readByProbe, readQuestions, readShuffled } from './read-states';
import { scoreDistributions } from './score-distributions';
import { labelsOf, truthsOf } from './true-distributions';
import type { ReadDistributions, UncertaintyReading } from './uncertainty-reading';

/** Options of {@link measureUncertainty}. */
export interface MeasureUncertaintyOptions {
  /** The reasoner's folder. */
  model: string;
  /** The questions by which readers are trained: by what was drawn, never by how likely it was. */
  loaded: Pick<LoadedTask, 'task' | 'examples'>;
  /** Other questions, on which they are measured. */
  test: Pick<LoadedTask, 'task' | 'examples'>;
  /** What cannot be known: `answer`, or a field of the records. @default 'answer' */
  label?: string;
  /** The field with its true distribution, labels with weights: `red=2, green=1`. @default 'posterior' */
  posterior?: string;
  /** The stage in whose text a written chain settles on the label. @default none: only an answer is looked for in what is written */
  step?: string;
  /** How many responses are sampled at temperature 1, for the frequency of what they say. @default 0 */
  chains?: number;
  /** Hidden units of the readers, the same of thoughts and of words; 0: linear ones. @default 32 */
  units?: number;
  /** Questions side by side. @default 32 */
  batch?: number;
  /** @default 0 */
  seed?: number;
  onEvent?: EvaluationListener;
  signal?: AbortSignal;
}

/** What is held of what cannot be known. */
export interface UncertaintyFindings {
  label: string;
  labels: string[];
  /** Hidden units of the readers. */
  units: number;
  trainingCount: number;
  testCount: number;
  /** Mean entropy of the true distributions, in nats. */
  entropy: number;
  readings: UncertaintyReading[];
}

/**
 * Measures what a reasoner holds of what cannot be known, against the true distribution: what readers get from each thought,
 * what the model itself says where it chooses, and what it wrote; beside what the question's states hold before any thought,
 * and how often each label is drawn.
 *
 * @throws EvaluationError `invalid-option` for a field that no record has, a stage that the reasoner lacks or does not mark, or
 *   sampled responses without a place where they say the label; `invalid-task-data` for a record without a distribution, or one
 *   by which what was drawn is impossible; `empty-set` for fewer than two labels; DecoderError
 */
export async function measureUncertainty({
  model,
  loaded,
  test,
  label = 'answer',
  posterior = 'posterior',
  step,
  chains = 0,
  units = 32,
  batch = 32,
  seed = 0,
  onEvent,
  signal,
}: MeasureUncertaintyOptions): Promise<UncertaintyFindings> {
  const examples = [...loaded.examples, ...test.examples];
  const labels = labelsOf({ examples, label, posterior });
  const reasoner = await openReasoner({ folder: model, loaded: [loaded, test] });
  try {
    const shared = { reasoner, label, labels, units, batch, onEvent, signal };
    const measured = await askedQuestions({ ...shared, loaded: test, what: 'answering, to measure on' });
    const training = await askedQuestions({ ...shared, loaded, what: 'answering, to train readers by' });
    const truths = truthsOf({ examples: measured.examples, posterior, labels });
    const readings: UncertaintyReading[] = [];
    const add = ({ read, ...about }: ReadDistributions) =>
      readings.push({ ...about, ...scoreDistributions({ truths, read }) });
    const sides = { training, measured, labels, units };
    const places = thoughtsOfAll(training.answers);
    for (const { stage, index } of places) {
      const states = ({ answers }: typeof training) => statesAt({ answers, stage, index });
      add({
        ...{ source: 'thought', name: `thought ${index + 1} of ${stage}`, stage, index },
        read: readByProbe({ ...sides, states }),
      });
      signal?.throwIfAborted();
    }
    for (const one of await readChoices({ ...shared, training, measured, step })) add(one);
    if (chains > 0) add(await readChains({ ...shared, measured, step, chains, seed }));
    for (const one of await readQuestions({ ...sides, reasoner, batch, signal })) add(one);
    if (places.length > 0) add(readShuffled({ ...sides, ...places.at(-1)!, seed }));
    const frequencies = labels.map((one) => training.drawn.filter((drawn) => drawn === one).length);
    add({
      ...{ source: 'constant', name: 'how often each label is drawn' },
      read: truths.map(() => frequencies.map((count) => count / training.drawn.length)),
    });
    return {
      ...{ label, labels, units, readings },
      trainingCount: training.examples.length,
      testCount: measured.examples.length,
      entropy: truths.reduce((sum, truth) => sum + entropyOf(truth) / truths.length, 0),
    };
  } finally {
    reasoner.dispose();
  }
}

/** Shannon's, in nats. */
function entropyOf(distribution: readonly number[]): number {
  return -distribution.reduce((sum, share) => (share > 0 ? sum + share * Math.log(share) : sum), 0);
}
