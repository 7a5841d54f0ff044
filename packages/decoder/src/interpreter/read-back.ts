import type { Answer } from '@subtext/reasoner';

import type { Explainer } from './explainer';
import { isWord, sharedWords, wordPieces } from './shared-words';

/** What an interpreter writes of a stage's thoughts, and what it writes without them. */
export interface ReadBack {
  stage: string;
  /** From the own thoughts, in pieces whose texts make up the whole. */
  own: ReadPiece[];
  /** From another example's thoughts; null where none is given that has as many. */
  another: string | null;
  /** From zeros. */
  zeros: string;
  /** From the question alone. */
  questionOnly: string;
}

/** A part of a read-back. */
export interface ReadPiece {
  text: string;
  /** A word that none of the controls has at its place: that it is there is explained by this thought only. */
  onlyHere: boolean;
}

/**
 * Puts an answer's thoughts into words, each stage that an interpreter explains, beside what the interpreter writes without
 * them: a text says something of a thought only where it differs from its controls.
 */
export async function readBack({
  explainers,
  question,
  answer,
  another,
}: {
  explainers: readonly Explainer[];
  question: string;
  answer: Pick<Answer, 'thoughts'>;
  /** Another example's answer. @default none */
  another?: Pick<Answer, 'thoughts'>;
}): Promise<ReadBack[]> {
  const read: ReadBack[] = [];
  for (const stage of new Set(answer.thoughts.map((thought) => thought.stage))) {
    const explainer = explainers.find(({ settings }) => settings.stages.includes(stage));
    if (explainer === undefined) continue;
    const of = (answered: Pick<Answer, 'thoughts'> | undefined) =>
      (answered?.thoughts ?? []).flatMap((thought) => (thought.stage === stage ? [thought.hidden] : []));
    const [own, others] = [of(answer), of(another)];
    const request = (states: Float32Array[]) => ({ question, stage, states });
    const fits = others.length === own.length;
    const [text, zeros, questionOnly, other] = await explainer.explain({
      requests: [
        request(own),
        request(own.map(({ length }) => new Float32Array(length))),
        request([]),
        ...(fits ? [request(others)] : []),
      ],
    });
    const controls = [zeros!, questionOnly!, ...(other === undefined ? [] : [other])];
    read.push({
      stage,
      own: marked({ text: text!, controls }),
      another: other ?? null,
      zeros: zeros!,
      questionOnly: questionOnly!,
    });
  }
  return read;
}

/** A text in pieces, with the words marked that no control shares. */
function marked({ text, controls }: { text: string; controls: readonly string[] }): ReadPiece[] {
  const pieces = wordPieces(text);
  const shared = controls.map((control) => sharedWords({ left: pieces, right: wordPieces(control) }));
  return pieces.map((piece, index) => ({
    text: piece,
    onlyHere: isWord(piece) && shared.every((one) => one !== null && !one.left.has(index)),
  }));
}
