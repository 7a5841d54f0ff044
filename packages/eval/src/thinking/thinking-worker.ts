/** A worker's task: answers questions and explains thoughts with models that it loads from their folders. */
import { imageFile } from '@subtext/data';
import { Explainer, type ExplanationRequest } from '@subtext/decoder';
import { type Answer, Reasoner, type ThinkOptions } from '@subtext/reasoner';
import { type EngineName, useEngine } from '@subtext/tensor';

export interface ThinkingWorkerOptions {
  /** The reasoner's folder; absent where only explanations are wanted. */
  reasoner?: string;
  /** The interpreters' folders. */
  interpreters: readonly string[];
}

/** A question that can be posted: the picture by its path. */
export interface PostedQuestion {
  question: string;
  imagePath?: string;
}

export interface ThinkRequest extends Pick<ThinkOptions, 'maxNewTokens' | 'temperature' | 'seed'> {
  questions: readonly PostedQuestion[];
}

export interface ExplainRequest {
  /** Place of the interpreter in the options. */
  interpreter: number;
  requests: readonly ExplanationRequest[];
}

/** What both the worker and this thread offer. */
export interface ThinkingTask {
  think(request: ThinkRequest): Promise<Answer[]>;
  explain(request: ExplainRequest): Promise<string[]>;
}

export async function createThinkingTask({
  reasoner: folder,
  interpreters,
}: ThinkingWorkerOptions): Promise<ThinkingTask> {
  const reasoner = folder === undefined ? undefined : await Reasoner.load({ folder });
  const explainers: Explainer[] = [];
  for (const interpreter of interpreters) explainers.push(await Explainer.load({ folder: interpreter }));
  return {
    think: ({ questions, ...options }) =>
      reasoner!.think({
        ...options,
        batchSize: questions.length,
        questions: questions.map(({ question, imagePath }) => ({
          question,
          image: imagePath === undefined ? undefined : imageFile(imagePath),
        })),
      }),
    explain: ({ interpreter, requests }) => explainers[interpreter]!.explain({ requests, batchSize: requests.length }),
  };
}

export async function createWorkerTask({
  engine,
  ...options
}: ThinkingWorkerOptions & { /** Engine to compute on. */ engine: EngineName }): Promise<
  Record<string, (payload: never) => unknown>
> {
  await useEngine({ engine });
  return { ...(await createThinkingTask(options)) } as Record<string, (payload: never) => unknown>;
}
