import type { Answer } from '@subtext/reasoner';

import type { Explainer } from './explainer';
import { isWord, sharedWords, wordPieces } from './shared-words';

/** An interpreter's decoding of a stage's thoughts, with controls. */
export interface ReadBack {
  stage: string;
  /** From the model's own thoughts, in pieces that join to the whole text. */
  own: ReadPiece[];
  /** From another example's thoughts; null unless one with the same number is given. */
  another: string | null;
  /** From zeros. */
  zeros: string;
  /** From the question alone. */
  questionOnly: string;
}

/** A piece of a decoded text. */
export interface ReadPiece {
  text: string;
  /** Whether no control has this word at this place, so that only this thought explains it. */
  onlyHere: boolean;
}

/**
 * Decodes an answer's thoughts, for each stage that an interpreter covers, together with controls: text is evidence
 * about a thought only where it differs from what the interpreter writes without it.
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

/** Splits a text into pieces and marks the words that no control shares. */
function marked({ text, controls }: { text: string; controls: readonly string[] }): ReadPiece[] {
  const pieces = wordPieces(text);
  const shared = controls.map((control) => sharedWords({ left: pieces, right: wordPieces(control) }));
  return pieces.map((piece, index) => ({
    text: piece,
    onlyHere: isWord(piece) && shared.every((one) => one !== null && !one.left.has(index)),
  }));
}
