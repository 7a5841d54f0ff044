import { type Answer, type Question, type Reasoner, replayAnswers } from '@subtext/reasoner';

/** Answers whose states are read. */
export interface AnswerStatesOptions {
  reasoner: Reasoner;
  questions: readonly Question[];
  /** By question: what the reasoner, or the trained one that it stands in for, answered. */
  answers: readonly Answer[];
  /** Questions side by side. @default 32 */
  batch?: number;
  signal?: AbortSignal;
}

/** The states of the question's positions, before any thought. */
export interface QuestionStates {
  /** Of the last positions, each `[width]`, as many as were asked for; fewer where the question is shorter. */
  last: Float32Array[];
  /** Their mean over all positions of the question, pictures included, `[width]`. */
  mean: Float32Array;
}

/**
 * The states that stand before any thought, after the final norm: what could be read without thinking. A position whose
 * state is itself read as a thought (Coconut's first) is none of them.
 */
export async function questionStates({
  count,
  ...options
}: AnswerStatesOptions & { /** How many of the last positions. */ count: number }): Promise<QuestionStates[]> {
  const found: QuestionStates[] = [];
  for await (const { answer, stateAt } of replayed({ ...options, upTo: questionLength })) {
    const states = Array.from({ length: questionLength(answer, options.reasoner) }, (_, index) => stateAt(index));
    const mean = new Float32Array(options.reasoner.model.dimensions.width);
    for (const state of states)
      for (let unit = 0; unit < mean.length; unit++) mean[unit]! += state[unit]! / states.length;
    found.push({ last: states.slice(-count), mean });
  }
  return found;
}

/**
 * The states of an untrained reasoner where the trained one's thoughts are read, by question. Thoughts that the trained
 * one wrote are fed to it as they are; those that stand in the prompt it thinks itself, on its own states.
 */
export async function untrainedThoughts(options: AnswerStatesOptions): Promise<Answer['thoughts'][]> {
  const { reasoner, questions, batch = 32, signal } = options;
  if (reasoner.method.promptThoughts !== undefined) {
    const answers = await reasoner.think({ questions, batchSize: batch, maxNewTokens: 1, signal });
    return answers.map(({ thoughts }) => thoughts);
  }
  const found: Answer['thoughts'][] = [];
  const upTo = ({ prompt, thoughts }: Answer) =>
    prompt.length + Math.max(-1, ...thoughts.map(({ position }) => position)) + 1;
  for await (const { answer, stateAt } of replayed({ ...options, upTo }))
    found.push(
      answer.thoughts.map((thought) => ({ ...thought, hidden: stateAt(readPlace({ answer, thought, reasoner })) })),
    );
  return found;
}

/** Where a thought's state is read, counted from the prompt's first position. */
function readPlace({
  answer: { prompt },
  thought: { position },
  reasoner,
}: {
  answer: Answer;
  thought: { position: number };
  reasoner: Reasoner;
}): number {
  return prompt.length + position - (reasoner.settings.thoughtReading === 'before' ? 1 : 0);
}

/** Positions of the prompt that stand before the first state that is read as a thought. */
function questionLength(answer: Answer, reasoner: Reasoner): number {
  const read = answer.thoughts.map((thought) => readPlace({ answer, thought, reasoner }));
  return Math.min(answer.prompt.length, ...read);
}

/** Answers that are fed again up to a position, one after the other, with the states after the final norm. */
async function* replayed({
  reasoner,
  questions,
  answers,
  upTo,
  batch = 32,
  signal,
}: AnswerStatesOptions & { upTo: (answer: Answer, reasoner: Reasoner) => number }): AsyncGenerator<{
  answer: Answer;
  /** By position, counted from the prompt's first. */ stateAt: (position: number) => Float32Array;
}> {
  for (let start = 0; start < answers.length; start += batch) {
    signal?.throwIfAborted();
    const group = answers.slice(start, start + batch);
    const sequences = group.map((answer) => [...answer.prompt, ...answer.ids].slice(0, upTo(answer, reasoner)));
    const asked = questions.slice(start, start + batch);
    const { session, inputs, dispose } = await replayAnswers({
      reasoner,
      questions: asked,
      // No continuous thought stands in these sequences, so that nothing of the trained model is fed.
      answers: group.map(({ prompt }) => ({ prompt, thoughts: [] })),
      sequences,
    });
    try {
      const hidden = session.feed(inputs);
      const values = (await hidden.data().finally(() => hidden.dispose())) as Float32Array;
      const { width } = reasoner.model.dimensions;
      for (const [row, answer] of group.entries()) {
        const first = (row + 1) * inputs.time - sequences[row]!.length;
        yield {
          answer,
          stateAt: (position) => values.slice((first + position) * width, (first + position + 1) * width),
        };
      }
    } finally {
      dispose();
    }
  }
}
