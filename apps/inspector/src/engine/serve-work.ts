import { type CounterfactualAnswer, findCounterfactuals, imageFile, type ImageReference } from '@subtext/data';
import { openFiles, SubtextError } from '@subtext/core';
import {
  type Alikeness,
  alikeness,
  earlyAnswers,
  editAnswer,
  graphThoughts,
  neededThoughts,
  readBack,
  stageDirection,
  traceAnswer,
  traceText,
} from '@subtext/decoder';
import { type Answer, type Question, readThoughts, type SeenThought } from '@subtext/reasoner';
import { type EngineChoice, useEngine } from '@subtext/tensor';

import { mapThoughts } from './map-thoughts';
import { type OpenModel, openModel } from './open-model';
import type { Asked, Call, Edits, ExampleFacts, Reply, Work } from './protocol';

/** An answer that was given, and what is known of it. */
interface Known {
  question: Question;
  answer: Answer;
  seen?: SeenThought[];
}

type Reasoning = Extract<OpenModel, { kind: 'reasoner' }>;

const models = new Map<number, { opened: OpenModel; known: Map<string, Known>; collected: Known[] }>();
const pictures = new Map<string, ImageReference>();
const report = (reply: Reply, transfer: Transferable[] = []) => postMessage(reply, { transfer });

/** One picture for the same bytes, so that it is prepared once. */
async function pictureOf(bytes: Uint8Array): Promise<ImageReference> {
  const digest = new Uint8Array(await sha(bytes)).join();
  let picture = pictures.get(digest);
  if (picture === undefined) {
    const png = bytes[0] === 0x89 && bytes[1] === 0x50;
    picture =
      png || bytes[0] === 0x47
        ? imageFile(`${openFiles({ picture: new Blob([bytes as BlobPart]) })}/picture`)
        : drawn(bytes);
    pictures.set(digest, picture);
  }
  return picture;
}

/** A page that was opened from a file has no `crypto.subtle` in some browsers; then the bytes are their own name. */
const sha = async (bytes: Uint8Array): Promise<ArrayBufferLike> =>
  globalThis.crypto?.subtle ? crypto.subtle.digest('SHA-256', bytes as BufferSource) : bytes.slice().buffer;

/** JPEG and WebP, decoded by the browser. */
function drawn(bytes: Uint8Array): ImageReference {
  return {
    path: 'picture',
    async load() {
      const bitmap = await createImageBitmap(new Blob([bytes as BlobPart]));
      const { width, height } = bitmap;
      const context = new OffscreenCanvas(width, height).getContext('2d')!;
      context.drawImage(bitmap, 0, 0);
      const { data } = context.getImageData(0, 0, width, height);
      const colours = new Uint8Array(width * height * 3);
      for (let pixel = 0; pixel < width * height; pixel++)
        for (let channel = 0; channel < 3; channel++) colours[pixel * 3 + channel] = data[pixel * 4 + channel]!;
      return { data: colours, width, height, channels: 3 as const };
    },
  };
}

function modelAt(slot: number) {
  const model = models.get(slot);
  if (model === undefined) throw new Error('No model is open yet.');
  return model;
}

function reasonerAt(slot: number): Reasoning & { known: Map<string, Known>; collected: Known[] } {
  const { opened, ...rest } = modelAt(slot);
  if (opened.kind !== 'reasoner') throw new Error(`${opened.info.name} has no hidden thoughts to look at.`);
  return { ...opened, ...rest };
}

async function questionOf({ question, image, words }: Asked): Promise<Question> {
  return { question, ...(image && { image: await pictureOf(image) }), ...(words && { words }) };
}

/** What a reasoner answers; asked once. */
async function answersTo(slot: number, asked: readonly Asked[]): Promise<Known[]> {
  const { reasoner, known } = reasonerAt(slot);
  const keys = await Promise.all(
    asked.map(async ({ question, image, words }) =>
      JSON.stringify([question, image ? new Uint8Array(await sha(image)).join() : null, words ?? null]),
    ),
  );
  const missing = [...keys.keys()].filter((index) => !known.has(keys[index]!));
  if (missing.length > 0) {
    const questions = await Promise.all(missing.map((index) => questionOf(asked[index]!)));
    const answers = await reasoner.think({ questions });
    for (const [place, index] of missing.entries())
      known.set(keys[index]!, { question: questions[place]!, answer: answers[place]! });
  }
  return keys.map((key) => known.get(key)!);
}

async function seenOf(slot: number, known: readonly Known[]): Promise<SeenThought[][]> {
  const { reasoner } = reasonerAt(slot);
  const missing = known.filter((one) => one.seen === undefined);
  if (missing.length > 0) {
    const seen = await readThoughts({
      reasoner,
      questions: missing.map(({ question }) => question),
      answers: missing.map(({ answer }) => answer),
    });
    for (const [index, one] of missing.entries()) one.seen = seen[index]!;
  }
  return known.map(({ seen }) => seen!);
}

/** An answer with its edits. */
async function edited(slot: number, asked: Asked, { edits = [], another, direction }: Partial<Edits>) {
  const { reasoner, collected } = reasonerAt(slot);
  const [own] = await answersTo(slot, [asked]);
  if (edits.length === 0) return { own: own!, changed: { answer: own!.answer, places: [], hidden: [] } };
  const others = another && (await seenOf(slot, await answersTo(slot, [another])));
  const changed = await editAnswer({
    reasoner,
    ...own!,
    edits,
    ...(others && { another: others[0]! }),
    ...(edits.some(({ kind }) => kind === 'mean') && { examples: await seenOf(slot, collected) }),
    ...(direction && { direction: await directionOf(slot, direction) }),
  });
  return { own: own!, changed };
}

async function directionOf(slot: number, { stage, to, from }: NonNullable<Edits['direction']>) {
  const { collected } = reasonerAt(slot);
  const group = async (answer: string) =>
    (
      await seenOf(
        slot,
        collected.filter((one) => one.answer.answer === answer),
      )
    ).map((seen) => seen.filter((thought) => thought.stage === stage));
  return stageDirection({ positive: await group(to), negative: await group(from), source: `${to}, not ${from}` });
}

type Asynchronous = {
  [Name in keyof Work]: (
    options: Parameters<Work[Name]>[0],
    onProgress: (progress: { done: number; total: number }) => void,
  ) => Promise<ReturnType<Work[Name]>>;
};

let examples: ExampleFacts[] = [];
let truths: CounterfactualAnswer | undefined;

const work: Asynchronous = {
  async examples(given) {
    examples = given.examples;
    truths = examples.length === 0 ? undefined : findCounterfactuals({ examples });
    return null;
  },

  async follows({ example, another, stage }) {
    return truths?.({ example: examples[example]!, partner: examples[another]!, stage }) ?? null;
  },

  async start({ engine }) {
    const told = ({ device: { name: device, software = false } }: EngineChoice) => ({ device, software });
    if (engine === 'wasm') return { engine, ...told(await useEngine({ engine })), fault: null };
    try {
      return { engine, ...told(await useEngine({ engine })), fault: null };
    } catch (error) {
      return { engine: 'wasm', ...told(await useEngine({ engine: 'wasm' })), fault: messageOf(error) };
    }
  },

  async open({ slot, name, files }) {
    const opened = await openModel({ name, files });
    models.set(slot, { opened, known: new Map(), collected: [] });
    return opened.info;
  },

  async ask({ slot, asked, attention = false, lens = false, ...edits }) {
    const began = performance.now();
    const { opened } = modelAt(slot);
    if (opened.kind === 'model') {
      const trace = await traceText({ ...opened, text: asked.question, attention, lens: lens !== false });
      return { trace, own: null, milliseconds: performance.now() - began };
    }
    const { own, changed } = await edited(slot, asked, edits);
    const { reasoner } = opened;
    const { question } = own;
    const trace = await traceAnswer({ reasoner, question, answer: changed.answer, changed, attention, lens });
    return {
      trace,
      own: changed.answer === own.answer ? null : await traceAnswer({ reasoner, question, answer: own.answer }),
      milliseconds: performance.now() - began,
    };
  },

  async read({ slot, asked, ...edits }) {
    const { explainers } = reasonerAt(slot);
    if (explainers.length === 0) return [];
    const { changed } = await edited(slot, asked, edits);
    const [other] = edits.another ? await answersTo(slot, [edits.another]) : [];
    return readBack({ explainers, question: asked.question, answer: changed.answer, another: other?.answer });
  },

  async need({ slot, asked, another }) {
    const { reasoner } = reasonerAt(slot);
    const [own] = await answersTo(slot, [asked]);
    const others = another && (await seenOf(slot, await answersTo(slot, [another])))[0];
    return {
      needs: await neededThoughts({ reasoner, ...own!, ...(others && { another: others }) }),
      early: await earlyAnswers({ reasoner, ...own! }),
    };
  },

  async draw({ slot, asked, ...edits }) {
    const { drawer } = reasonerAt(slot);
    if (drawer === null) return null;
    const { changed } = await edited(slot, asked, edits);
    if (!changed.answer.thoughts.some(({ stage }) => stage === drawer.settings.stage)) return null;
    const [picture] = await drawer.draw({ thoughts: [drawer.statesOf(changed.answer)] });
    return { stage: drawer.settings.stage, ...picture!, data: picture!.data as Uint8Array };
  },

  async graph({ slot, asked, ...edits }) {
    const { reasoner } = reasonerAt(slot);
    const { own, changed } = await edited(slot, asked, edits);
    return graphThoughts({ reasoner, question: own.question, answer: changed.answer });
  },

  async collect({ slot, asked }, onProgress) {
    const model = modelAt(slot);
    const known: Known[] = [];
    for (let start = 0; start < asked.length; start += 25) {
      known.push(...(await answersTo(slot, asked.slice(start, start + 25))));
      onProgress({ done: known.length, total: asked.length });
    }
    model.collected = known;
    return known.map(({ answer }) => answer.answer ?? null);
  },

  async alike({ slot, asked }): Promise<Alikeness[]> {
    const [own] = await answersTo(slot, [asked]);
    return alikeness({ own: own!.answer, others: reasonerAt(slot).collected.map(({ answer }) => answer) });
  },

  async map({ slot, stage, method }, onProgress) {
    return mapThoughts({ answers: reasonerAt(slot).collected.map(({ answer }) => answer), stage, method, onProgress });
  },
};

const messageOf = (error: unknown) =>
  SubtextError.isInstance(error) ? error.message : String((error as Error)?.message ?? error);

/** Does what the page asks for, one thing after the other: models share the engine. */
export function serveWork(): void {
  let last: Promise<unknown> = Promise.resolve();
  onmessage = ({ data: { id, name, options } }: MessageEvent<Call>) => {
    const run = work[name] as (
      options: unknown,
      onProgress: (progress: { done: number; total: number }) => void,
    ) => Promise<unknown>;
    last = last
      .then(() => run(options, (progress) => report({ id, progress })))
      .then(
        (result) => report({ id, result }),
        (error: unknown) => report({ id, error: messageOf(error) }),
      );
  };
}
