import type { Peers } from '@subtext/core/node';
import type { ReasoningExample } from '@subtext/data';
import { type Explainer, type ExplanationRequest, layoutExplanation, type ThoughtStates } from '@subtext/decoder';
import { collateLayouts } from '@subtext/reasoner';
import { crossEntropy, gatherRows, tf } from '@subtext/tensor';

import { EvaluationError } from '../errors';
import { stripForScoring } from '../metrics/strip-for-scoring';
import { inBatches } from '../run/in-batches';
import { countFacts, stageText } from '../thinking/score-explanations';
import type { InterpreterAuditSample, InterpreterAuditSubject } from './audit-subject';

/** Options of {@link explainerSubject}. */
export interface ExplainerSubjectOptions {
  explainer: Explainer;
  stage: string;
  /** The states that the reasoner gives for the stage, such as `Answer.thoughts` holds. */
  thoughtsOf: (example: ReasoningExample) => ThoughtStates;
  /** Explanations side by side. @default 32 */
  batch?: number;
  /** The processes that audit together. @default this one by itself */
  peers?: Peers;
  signal?: AbortSignal;
}

/**
 * An interpreter of one stage as a subject of {@link auditInterpreter}. Thoughts are replaced in its prompt's slots;
 * without them the prompt has no slot, and without the question its place is empty. The likelihood is that of the
 * stage's true text and its end, in nats a token, by teacher forcing.
 */
export function explainerSubject({
  explainer,
  stage,
  thoughtsOf,
  batch = 32,
  peers,
  signal,
}: ExplainerSubjectOptions): InterpreterAuditSubject<ReasoningExample> {
  return {
    collect: ({ examples }) => Promise.resolve(examples.map(thoughtsOf)),
    async explain({ examples, thoughts, question }) {
      const requests = examples.map((example, index) => ({
        question: question ? example.question : '',
        stage,
        states: thoughts?.[index] ?? [],
      }));
      const shared = { explainer, requests, batch, peers, signal };
      const texts = await explanationTexts(shared);
      const likelihoods = await explanationLikelihoods({
        ...shared,
        texts: examples.map((example) => stageText({ example, stage })),
      });
      return examples.map((example, index): InterpreterAuditSample => {
        const text = stripForScoring({ text: texts[index] as string });
        const { right, total } = countFacts({ explanation: text, stage, example });
        return { text, factsRight: right, factsTotal: total, negativeLogLikelihood: likelihoods[index] as number };
      });
    },
  };
}

interface Explaining {
  explainer: Explainer;
  requests: readonly ExplanationRequest[];
  /** @default 32 */
  batch?: number;
  /** The processes that audit together. @default this one by itself */
  peers?: Peers;
  signal?: AbortSignal;
}

/** What an interpreter writes, as `Explainer.explain`: batches are dealt, and are made of parts where it was trained on `parts`. */
async function explanationTexts({ explainer, requests, batch = 32, peers, signal }: Explaining): Promise<string[]> {
  const each = requests.map((request) => explainer.partsOf({ request }));
  const texts = await inBatches({
    items: each.flat(),
    batch,
    peers,
    signal,
    work: (group) =>
      explainer.explain({
        requests: group.map(({ request }) => request),
        batchSize: batch,
        ...(signal === undefined ? {} : { signal }),
      }),
  });
  return each.map((parts) =>
    texts
      .splice(0, parts.length)
      .filter((text) => text !== '' || parts.length === 1)
      .join(' '),
  );
}

/**
 * The mean negative log-likelihood of given texts, in nats a token, their end included, as an interpreter would write
 * them after the requests' thoughts and questions; of one that was trained on `parts`, over all parts of a text.
 *
 * @throws EvaluationError length-mismatch where requests and texts do not pair.
 */
export async function explanationLikelihoods({
  explainer,
  requests,
  texts,
  batch = 32,
  peers,
  signal,
}: Explaining & {
  /** By request. */
  texts: readonly string[];
}): Promise<number[]> {
  if (requests.length !== texts.length)
    throw new EvaluationError({
      code: 'length-mismatch',
      message: `${requests.length} requests for ${texts.length} texts; give one text a request.`,
    });
  const parts = requests.flatMap((request, index) =>
    explainer.partsOf({ request, text: texts[index] as string }).map((part) => ({ ...part, of: index })),
  );
  const losses = await inBatches({
    items: parts,
    batch,
    peers,
    signal,
    work: (group) => partLosses({ explainer, group }),
  });
  const sums = new Float64Array(requests.length);
  const counts = new Int32Array(requests.length);
  for (const [index, { of }] of parts.entries()) {
    const own = losses[index] as number[];
    for (const loss of own) sums[of] = (sums[of] as number) + loss;
    counts[of] = (counts[of] as number) + own.length;
  }
  return Array.from(sums, (sum, index) => sum / (counts[index] as number));
}

/** By part, the loss of each of its text's tokens. */
async function partLosses({
  explainer,
  group,
}: {
  explainer: Explainer;
  group: readonly { request: ExplanationRequest; text?: string }[];
}): Promise<number[][]> {
  const { interpreter, settings } = explainer;
  const context = explainer.context();
  const layouts = group.map(({ request: { question, stage, states }, text }) =>
    layoutExplanation({ question, stage, thoughts: states.length, text, context }),
  );
  const { rows, time, ids, lossRows, lossLabels } = collateLayouts({
    layouts: layouts.map((layout) => ({ ...layout, thoughts: [] })),
    padId: context.endId,
    lossWeight: 1,
  });
  const states = group.flatMap(({ request }) => [...request.states]);
  const width = settings.projector.inputWidth;
  const values = new Float32Array(states.length * width);
  for (const [index, state] of states.entries()) {
    if (state.length !== width)
      throw new EvaluationError({
        code: 'length-mismatch',
        message: `A thought has ${state.length} numbers; the interpreter "${settings.name}" reads thoughts of ${width}. Take the interpreter of the same reasoner.`,
      });
    values.set(state, index * width);
  }
  const losses = tf.tidy(() => {
    const slotRows = Int32Array.from(layouts.flatMap(({ slots }, row) => slots.map((slot) => row * time + slot)));
    const embeddings = interpreter.embed({
      ids,
      rows,
      time,
      slotRows,
      states: tf.tensor2d(values, [states.length, width]),
    });
    const { hidden } = interpreter.model.forward({ embeddings });
    const picked = gatherRows({
      input: tf.reshape(hidden, [rows * time, hidden.shape[2]]) as tf.Tensor2D,
      indices: lossRows,
    });
    return crossEntropy({ logits: interpreter.model.logits(picked), labels: tf.tensor1d(lossLabels, 'int32') });
  });
  const all = await losses.data();
  losses.dispose();
  const found = group.map((): number[] => []);
  for (const [index, row] of lossRows.entries()) found[Math.floor(row / time)]!.push(all[index] as number);
  return found;
}
