import type { ReasoningExample } from '@subtext/data';
import { type RowSight, sightVisibility } from '@subtext/model';
import type { Reasoner } from '@subtext/reasoner';
import { gatherRows, tf, variableGradients } from '@subtext/tensor';

import { encode, type OwnResponse } from './own-responses';

/** What of the question could reach the answer past the thoughts. */
export type AnswerSource = 'question' | 'picture';

/** How far answers depend on a part of what was asked when all thoughts are cut. */
export interface AnswerGradient {
  source: AnswerSource;
  /** Whether the answer may see it, at once or through other positions than thoughts, as the visibility says. */
  reachable: boolean;
  /** The largest number of the gradient; exactly 0 where nothing gets through. */
  largest: number;
  /** Examples that it was measured on. */
  count: number;
}

/** Options of {@link answerGradients}. */
export interface AnswerGradientsOptions {
  reasoner: Reasoner;
  /** Examples with what the model answers by itself. */
  responses: readonly { example: ReasoningExample; response: OwnResponse }[];
  signal?: AbortSignal;
}

/**
 * The gradient of the answer's logits with respect to the embeddings of the question's words and of the picture, with every
 * thought hidden from all other positions. Where a visibility closes all ways but the thoughts it is exactly zero, whatever
 * the weights: an answer can then be made of nothing but thoughts. Sources that a question does not have are left out.
 */
export async function answerGradients({
  reasoner,
  responses,
  signal,
}: AnswerGradientsOptions): Promise<AnswerGradient[]> {
  const found = new Map<AnswerSource, AnswerGradient>();
  for (const { example, response } of responses) {
    signal?.throwIfAborted();
    const truth = encode({ reasoner, text: example.answer });
    const ids = [...response.ids, ...truth];
    const answer = Array.from({ length: truth.length + 1 }, (_, place) => response.ids.length - 1 + place);
    const sight = sightWithout({ reasoner, response, ids });
    const sources = sourcesOf({ reasoner, response });
    const largest = await largestGradients({ reasoner, response, ids, answer, sight, sources });
    for (const [source, positions] of sources) {
      const before = found.get(source) ?? { source, reachable: false, largest: 0, count: 0 };
      found.set(source, {
        source,
        reachable: before.reachable || reaches({ sight, from: answer, to: positions }),
        largest: Math.max(before.largest, largest.get(source) as number),
        count: before.count + 1,
      });
    }
  }
  return [...found.values()];
}

/** Which positions attend to which in a response of which nothing sees the thoughts. */
function sightWithout({
  reasoner,
  response: { question, answer, thoughts },
  ids,
}: {
  reasoner: Reasoner;
  response: OwnResponse;
  ids: readonly number[];
}): RowSight {
  const [inner] = reasoner.sights({ questions: [question], answers: [answer] }) ?? [];
  const cut = new Set(thoughts.flatMap((slots) => slots.flatMap(({ index, own }) => (own ? [index] : []))));
  for (const id of ids) inner?.push(id);
  const sight: RowSight = {
    push: () => undefined,
    forgetLast: () => undefined,
    // A position that is cut looks at itself, so that it has somewhere to look.
    sees: (position, key) => position === key || (!cut.has(key) && (inner?.sees(position, key) ?? true)),
    seesPictures: (position) => inner?.seesPictures(position) ?? true,
    copy: () => sight,
  };
  return sight;
}

/** The positions of the question's words and of the picture's vectors in the prompt. */
function sourcesOf({
  reasoner: { tokenizer, settings, method },
  response: { answer, thoughts },
}: {
  reasoner: Reasoner;
  response: OwnResponse;
}): Map<AnswerSource, number[]> {
  const picture = settings.image && tokenizer.idOf(settings.image.token);
  const marks = new Set(method.specialTokens({ stages: settings.stages }).map((token) => tokenizer.idOf(token)));
  const places = new Set(thoughts.flat().map(({ index }) => index));
  const sources = new Map<AnswerSource, number[]>();
  for (const [position, id] of answer.prompt.entries()) {
    if (position < settings.prefix.length || marks.has(id) || places.has(position)) continue;
    const source = id === picture ? 'picture' : 'question';
    sources.set(source, [...(sources.get(source) ?? []), position]);
  }
  return sources;
}

async function largestGradients({
  reasoner,
  response,
  ids,
  answer,
  sight,
  sources,
}: {
  reasoner: Reasoner;
  response: OwnResponse;
  ids: number[];
  answer: readonly number[];
  sight: RowSight;
  sources: ReadonlyMap<AnswerSource, readonly number[]>;
}): Promise<Map<AnswerSource, number>> {
  const { model } = reasoner;
  const { embeddings, forwardExtras } = await reasoner.embedSequences({
    questions: [response.question],
    answers: [response.answer],
    sequences: [ids],
  });
  const fed = tf.variable(embeddings);
  try {
    const { value, gradients } = variableGradients({
      variables: [fed],
      compute: () => {
        const { hidden } = model.forward({
          ...forwardExtras,
          embeddings: fed as unknown as tf.Tensor3D,
          visibility: sightVisibility({ sights: [sight], columns: [new Uint8Array(ids.length).fill(1)] }),
        });
        const states = gatherRows({
          input: tf.reshape(hidden, [ids.length, hidden.shape[2]]) as tf.Tensor2D,
          indices: Int32Array.from(answer),
        });
        return tf.sum(tf.square(model.logits(states))) as tf.Scalar;
      },
    });
    const [gradient] = gradients;
    const { width } = model.dimensions;
    // No gradient at all: nothing depends on anything that was fed.
    const values = ((await gradient?.data()) ?? new Float32Array(ids.length * width)) as Float32Array;
    tf.dispose([value, gradient ?? []]);
    const largest = (positions: readonly number[]) =>
      positions.reduce((most, position) => {
        const vector = values.subarray(position * width, (position + 1) * width);
        return vector.reduce((size, number) => Math.max(size, Math.abs(number)), most);
      }, 0);
    return new Map([...sources].map(([source, positions]) => [source, largest(positions)]));
  } finally {
    fed.dispose();
    tf.dispose([embeddings, forwardExtras as tf.TensorContainer]);
  }
}

/** Whether some position can be come to by looking on and on. */
function reaches({ sight, from, to }: { sight: RowSight; from: readonly number[]; to: readonly number[] }): boolean {
  const goals = new Set(to);
  const seen = new Set(from);
  const waiting = [...from];
  for (let position = waiting.pop(); position !== undefined; position = waiting.pop()) {
    if (goals.has(position)) return true;
    for (let key = 0; key < position; key++) {
      if (seen.has(key) || !sight.sees(position, key)) continue;
      seen.add(key);
      waiting.push(key);
    }
  }
  return false;
}

/** What the gradients say, a sentence each. */
export function gradientSentences(gradients: readonly AnswerGradient[]): string[] {
  return gradients.map(({ source, reachable, largest, count }) => {
    const examples = `${count} ${count === 1 ? 'example' : 'examples'}`;
    if (reachable)
      return largest > 0
        ? `With all thoughts masked the answer still depends on the ${source}, which it may see directly or through text before it (gradient up to ${largest.toPrecision(3)} in ${examples}).`
        : `With all thoughts masked the answer does not depend on the ${source} in ${examples}, although it may see it.`;
    return largest === 0
      ? `With all thoughts masked the gradient of the answer with respect to the ${source} is exactly zero in ${examples}: all it knows about the ${source} came through the thoughts.`
      : `With all thoughts masked the answer depends on the ${source} (gradient up to ${largest.toPrecision(3)} in ${examples}), although the visibility blocks every path: something leaks.`;
  });
}
