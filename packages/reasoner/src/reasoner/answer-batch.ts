import { tf } from '@subtext/tensor';

import { Session } from '../session/session';
import { thinkInPrompt, type ThoughtPrompts } from '../session/think-in-prompt';
import type { Answer } from './answer';
import type { Question, Reasoner, ThinkOptions } from './reasoner';

/** Answers questions side by side. The pictures of the questions have been measured. */
export async function answerBatch({
  reasoner,
  questions,
  start,
  maxNewTokens,
  temperature,
  seed,
  nextInput,
  takesThought,
  onToken,
  signal,
}: Pick<ThinkOptions, 'maxNewTokens' | 'nextInput' | 'takesThought' | 'onToken' | 'signal'> &
  Required<Pick<ThinkOptions, 'temperature' | 'seed'>> & {
    reasoner: Reasoner;
    questions: readonly Question[];
    /** Place of the first question among all that are asked. */
    start: number;
  }): Promise<Answer[]> {
  const { model, method, feedback, settings } = reasoner;
  const { stages, hiddenStages, thoughtReading } = settings;
  const context = reasoner.layoutContext();
  const prompts = reasoner.prompts(questions);
  const { embeddings, mask, forwardExtras, time } = await reasoner.embedSequences({ questions, sequences: prompts });
  const positions = questions.map(
    (example) =>
      method.promptThoughts?.({ example, stages, context: reasoner.layoutContext({ image: example.image }) }) ?? [],
  );
  const newTokens = maxNewTokens ?? Math.ceil(settings.longestResponse * 1.2) + 1;
  const draft = method.responseStart?.({ stages, hiddenStages, context });
  const room = newTokens + (draft?.length ?? 0);
  let thought: ThoughtPrompts | undefined;
  let session: Session | undefined;
  const sights = reasoner.sights({ questions });
  try {
    if (positions.some(({ length }) => length > 0)) {
      thought = await thinkInPrompt({
        model,
        prompts: { embeddings, mask, forwardExtras, ids: prompts, thoughts: positions },
        reading: thoughtReading,
        room,
        halting: method.halting?.(context),
        takesThought: takesThought && ((state) => takesThought({ ...state, row: start + state.row })),
        feedback,
        nextInput: nextInput && ((state) => nextInput({ ...state, row: start + state.row })),
        sights,
      });
    }
    session =
      thought?.session ?? new Session({ model, batch: questions.length, capacity: time + room, forwardExtras, sights });
    const generation = await session.write({
      inputs: thought?.rest ?? { embeddings, mask, forwardExtras },
      maxNewTokens: newTokens,
      stopIds: [context.endId],
      draft,
      temperature,
      seed: seed + start,
      outputStates: true,
      embedNext: reasoner.embedNext,
      onToken: onToken && ((token) => onToken({ ...token, row: start + token.row })),
      signal,
    });
    const inputs = await reasoner.writtenInputs({ ids: generation.ids, states: generation.states! });
    const thoughts = thought?.thoughts(generation.states!.map(([first]) => first!));
    return generation.ids.map((generated, row) => {
      const before = thoughts?.[row] ?? [];
      const untaken = new Set(positions[row]!.slice(before.length).map(({ position }) => position));
      return reasoner.readAnswer({
        prompt: prompts[row]!.filter((_, position) => !untaken.has(position)),
        ids: generated,
        states: generation.states![row]!,
        inputs: inputs[row],
        finished: generation.reasons[row] === 'stop-id',
        before,
        continuous: positions[row]!.slice(0, before.length).filter(({ kind }) => kind === 'continuous').length,
        passes: generation.passes[row]! + (thought?.passes[row] ?? 0),
      });
    });
  } finally {
    session?.dispose();
    tf.dispose([embeddings, thought?.rest.embeddings ?? [], forwardExtras as tf.TensorContainer]);
  }
}
