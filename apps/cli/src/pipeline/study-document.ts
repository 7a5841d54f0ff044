import { endOfTextIds, loadModel } from '@subtext/model';
import { documentIds, Reasoner } from '@subtext/reasoner';
import type { WeightDtype } from '@subtext/tensor';
import { UsageError } from '@subtext/terminal';
import { loadTokenizer } from '@subtext/tokenizer';
import { studyAnswers, studyContinuations, type StudyText } from '@subtext/trainer';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** A document's tokens for a model, and the texts that it studies the document by, which it writes itself. */
export async function studyDocument({
  folder,
  dtype,
  text,
  questions,
  count,
  seed,
  signal,
}: {
  /** A reasoner's, or a Hugging Face model's. */ folder: string;
  dtype: WeightDtype;
  text: string;
  /** To be answered; undefined: it goes on from pieces of the document. */ questions?: readonly string[];
  /** How often it does. */ count: number;
  seed: number;
  signal: AbortSignal;
}): Promise<{ document: number[]; texts: StudyText[]; unknownWords: string[] }> {
  if (!existsSync(join(folder, 'subtext.json'))) {
    if (questions)
      throw new UsageError(
        `${folder} is not a reasoner, so it cannot answer --questions. Leave them out: it then studies its continuations of pieces of the document.`,
      );
    const tokenizer = await loadTokenizer({ folder });
    const model = await loadModel({ folder, dtype, trainable: false });
    try {
      const document = [...tokenizer.encode(text).ids];
      const stopIds = endOfTextIds({ model });
      const texts = await studyContinuations({ model, document, count, stopIds, seed, signal });
      return { document, texts, unknownWords: [] };
    } finally {
      model.dispose();
    }
  }
  const reasoner = await Reasoner.load({ folder, dtype });
  try {
    const document = documentIds({ reasoner, text });
    const stopIds = [reasoner.layoutContext().endId];
    const texts = questions
      ? await studyAnswers({ reasoner, document, questions, signal })
      : await studyContinuations({ model: reasoner.model, document, count, stopIds, seed, signal });
    return { document, texts, unknownWords: reasoner.unknownWords(text) };
  } finally {
    reasoner.dispose();
  }
}
