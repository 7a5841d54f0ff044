import { type Peers, shareOut } from '@subtext/core/node';
import type { ReasoningExample } from '@subtext/data';
import {
  type LensReading,
  logitLens,
  type LinearProbeResult,
  trainLinearProbe,
  probeLabels,
  type SparseAutoencoder,
  trainSparseAutoencoder,
  type ThoughtGeometry,
  thoughtGeometry,
} from '@subtext/decoder';
import type { Answer, Question, Reasoner } from '@subtext/reasoner';
import { gatherRows, tf } from '@subtext/tensor';

import { FEWEST_EXAMPLES, stagesOfAnswers, stageStates } from './stage-states';

/** What the probes found in a reasoner's thoughts; what could not be run has its reason in `left`. */
export interface ReasonerProbes {
  lens: { readings: LensReading[][]; names: string[] } | null;
  probes: { name: string; result: LinearProbeResult }[];
  geometry: ThoughtGeometry | null;
  autoencoder: { trained: SparseAutoencoder; states: Float32Array[]; names: string[] } | null;
  /** Why something was left out, a sentence each. */
  left: string[];
}

/** Fewer thoughts than this have no directions to find. */
const FEWEST_FOR_AUTOENCODER = 200;

/**
 * Probes a reasoner's thoughts: the logit lens of the first example at every layer and thought, linear probes from each
 * stage's thoughts (side by side) to what the data knows, the thoughts' geometry, and a sparse autoencoder. States are
 * those that interpreters read: of the last layer, after the final norm.
 */
export async function probeReasoner({
  reasoner,
  examples,
  questions,
  answers,
  controls = 5,
  peers,
  seed = 0,
  onProgress,
  signal,
}: {
  reasoner: Reasoner;
  examples: readonly ReasoningExample[];
  /** By example: as it was asked. */
  questions: readonly Question[];
  /** By example. */
  answers: readonly Answer[];
  /** Probes on shuffled labels and on control tasks. @default 5 */
  controls?: number;
  /** The processes that probe together: linear probes are dealt. @default this one by itself */
  peers?: Peers;
  /** @default 0 */
  seed?: number;
  /** Called after each part. @default none */
  onProgress?: (progress: { done: number; total: number; name: string }) => void;
  signal?: AbortSignal;
}): Promise<ReasonerProbes> {
  const left: string[] = [];
  const thoughts = answers.map((answer) => answer.thoughts.map(({ hidden }) => hidden));
  const labels = probeLabels({ examples });
  const stages = stagesOfAnswers(answers);

  const first = answers.findIndex((answer) => answer.thoughts.length > 0);
  if (first < 0)
    return { lens: null, probes: [], geometry: null, autoencoder: null, left: ['There is no thought to probe.'] };
  const lens = await readLens({ reasoner, question: questions[first] as Question, answer: answers[first] as Answer });

  const wanted: { name: string; train: () => LinearProbeResult }[] = [];
  for (const stage of stages) {
    const { states, width } = stageStates({ thoughts: answers.map((answer) => answer.thoughts), stage });
    for (const { name: label, labels: values } of labels) {
      const name = `${stage} → ${label}`;
      // A state of another number of thoughts does not line up with the others.
      const usable = values.flatMap((label, index) =>
        label !== null && states[index]?.length === width ? [index] : [],
      );
      if (usable.length < FEWEST_EXAMPLES || new Set(usable.map((index) => values[index])).size < 2)
        left.push(`${name}: only ${usable.length} examples with this label and all thoughts.`);
      else
        wanted.push({
          name,
          train: () =>
            trainLinearProbe({
              states: usable.map((index) => states[index] as number[]),
              labels: usable.map((index) => values[index] as string),
              types: usable.map((index) => questions[index]!.question),
              controls,
              seed,
            }),
        });
    }
  }
  const total = wanted.length + 2;
  const probes = await shareOut({
    peers,
    count: wanted.length,
    async work(index) {
      signal?.throwIfAborted();
      const { name, train } = wanted[index]!;
      const result = train();
      onProgress?.({ done: index + 2, total, name });
      // Probes compute in one go; others may have a turn in between.
      await new Promise((resolve) => setImmediate(resolve));
      return { name, result };
    },
  });

  const states = thoughts.flat();
  let autoencoder: ReasonerProbes['autoencoder'] = null;
  if (states.length < FEWEST_FOR_AUTOENCODER)
    left.push(`A sparse autoencoder needs ${FEWEST_FOR_AUTOENCODER} thoughts or more; there are ${states.length}.`);
  else {
    const names = answers.flatMap((answer, index) =>
      answer.thoughts.map((thought) => `${examples[index]?.id} ${thought.stage} ${thought.index + 1}`),
    );
    autoencoder = {
      trained: await trainSparseAutoencoder({
        states,
        groups: thoughts.flatMap((own, index) => own.map(() => index)),
        latents: 2 * (states[0]?.length ?? 0),
        steps: 500,
        seed,
      }),
      states,
      names,
    };
  }
  onProgress?.({ done: total, total, name: 'sparse autoencoder' });
  return { lens, probes, geometry: thoughtGeometry({ thoughts }), autoencoder, left };
}

/** The logit lens where each thought's state is read; the target is its thinking token. */
async function readLens({
  reasoner,
  question,
  answer,
}: {
  reasoner: Reasoner;
  question: Question;
  answer: Answer;
}): Promise<{ readings: LensReading[][]; names: string[] }> {
  const { model } = reasoner;
  const { prompt } = answer;
  const sequence = [...prompt, ...answer.ids];
  const { embeddings, forwardExtras } = await reasoner.embedSequences({
    questions: [question],
    answers: [answer],
    sequences: [sequence],
  });
  const offset = reasoner.settings.thoughtReading === 'before' ? -1 : 0;
  const indices = Int32Array.from(answer.thoughts, ({ position }) => prompt.length + position + offset);
  const hiddenStates = tf.tidy(() => {
    const { hiddenStates: layers } = model.forward({ ...forwardExtras, embeddings, outputHiddenStates: true });
    return (layers as tf.Tensor3D[]).map((states) =>
      gatherRows({ input: tf.reshape(states, [states.shape[1], states.shape[2]]) as tf.Tensor2D, indices }),
    );
  });
  try {
    const readings = await logitLens({
      hiddenStates,
      normalize: (states) => model.finalNorm.apply({ input: states }),
      head: (states) => model.logits(states),
      targets: answer.thoughts.map(({ position }) => sequence[prompt.length + position] as number),
    });
    return { readings, names: answer.thoughts.map(({ stage, index }) => `${stage} ${index + 1}`) };
  } finally {
    tf.dispose([embeddings, forwardExtras as tf.TensorContainer, ...hiddenStates]);
  }
}
