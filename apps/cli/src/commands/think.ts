import { printable } from '@subtext/core';
import { imageFile } from '@subtext/data';
import { explainAnswers, loadExplainers, traceAnswer } from '@subtext/decoder';
import { Reasoner, type Answer, withFactor } from '@subtext/reasoner';
import { useEngine, type EngineName, type WeightDtype } from '@subtext/tensor';
import {
  createOutput,
  dtypeOption,
  engineFor,
  engineOption,
  findModel,
  includeOption,
  interruptSignal,
  number,
  positiveWholeNumber,
  UsageError,
  writeErrorLine,
  writeOut,
} from '@subtext/terminal';
import { Command } from 'commander';

import { changeThoughts, checkChange, readChange, type ThoughtChange } from '../pipeline/change-thoughts';
import { checkDrawer, drawAnswer } from '../pipeline/drawer';
import { includeFiles } from '../include';
import { modelWork } from '../pipeline/model-work';
import { packOption, withPacks } from '../pipeline/packs';
import { recurrenceLines } from '../pipeline/recurrence-lines';

interface ThinkCommandOptions extends ThoughtChange {
  model: string;
  image?: string;
  explain: boolean;
  edit?: Record<string, string>;
  draw?: string;
  pack: string[];
  recurrences?: number;
  haltFrom?: number;
  factor?: number;
  raw: boolean;
  trace: boolean;
  include: string[];
  json: boolean;
  dtype: WeightDtype;
  engine: EngineName | 'auto';
}

/** What the interpreters beside a reasoner read in an answer's thoughts, by stage. */
async function explain({
  answer,
  question,
  folder,
}: {
  answer: Answer;
  question: string;
  folder: string;
}): Promise<Record<string, string>> {
  const explainers = await loadExplainers({ folder });
  if (explainers.length === 0)
    throw new UsageError(
      `${folder} has no interpreters, so its thoughts cannot be decoded to words. Train it with "interpreters" in the configuration, or leave --explain out.`,
    );
  const [words] = await explainAnswers({ explainers, questions: [{ question }], answers: [answer] });
  return words!;
}

/** Adds `stage=words` to what is edited. */
function readEdit(text: string, before: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=');
  const stage = text.slice(0, at).trim();
  if (at < 0 || stage === '')
    throw new UsageError(`--edit takes a stage and its new text: --edit caption="a red square", not "${text}".`);
  if (Object.hasOwn(before, stage)) throw new UsageError(`--edit names the stage "${stage}" twice.`);
  return { ...before, [stage]: text.slice(at + 1) };
}

export function thinkCommand(): Command {
  return new Command('think')
    .argument('<question>', 'the question')
    .requiredOption('--model <folder>', "the reasoner's folder or Hugging Face Hub id")
    .option('--image <file>', 'the image for the question')
    .option('--explain', 'decode each hidden thought to words', false)
    .option('--steer <file>', 'a steering direction to add to the thoughts (made by subtext-eval direction)')
    .option('--strength <number>', 'scale of the direction; negative reverses it (default: 1)', number)
    .option('--stage <name>', 'the stage to steer (default: the one the direction was made from)')
    .option('--swap <stage>', "replace this stage's thoughts with those from another question (--from)")
    .option('--from <question>', 'the question to take thoughts from')
    .option('--from-image <file>', 'the image for --from')
    .option(
      '--edit <stage=words>',
      "edit a stage's thoughts in words, and answer from there; may be repeated",
      readEdit,
    )
    .option(
      '--change <stage=kind>',
      "modify a stage's thoughts, or one of them (caption.2=…), and answer from there: zeros, cut, noise:0.5, order:2,1; may be repeated",
      readChange,
    )
    .addOption(packOption())
    .option(
      '--recurrences <count>',
      'number of recurrences of a recurrent reasoner (default: as trained)',
      positiveWholeNumber,
    )
    .option(
      '--halt-from <probability>',
      'stop a recurrent reasoner once its estimated probability of being correct reaches this',
      number,
    )
    .option(
      '--factor <tokens>',
      'compression factor of a colar reasoner, in tokens of the chain per thought: one of those trained',
      positiveWholeNumber,
    )
    .option('--draw <file>', 'decode thoughts to an image, if the model has a drawer, and save it as PNG')
    .option(
      '--raw',
      "print only the model's output, with special tokens; control characters are not escaped if the output is a file or a pipe",
      false,
    )
    .option(
      '--trace',
      'with --json: include every position, mask and attention, logit lens and answer distribution',
      false,
    )
    .addOption(includeOption())
    .addOption(dtypeOption())
    .addOption(engineOption())
    .option('--json', 'print one JSON object', false)
    .action(
      async (
        question: string,
        {
          model,
          image,
          explain: explains,
          edit,
          draw,
          pack: packs,
          recurrences,
          haltFrom,
          factor,
          raw,
          trace,
          include,
          json,
          engine,
          dtype,
          ...change
        }: ThinkCommandOptions,
      ) => {
        const output = createOutput({ json });
        if (draw !== undefined && !/\.png$/i.test(draw))
          throw new UsageError(`--draw writes a PNG file: give a name ending in .png, not "${draw}".`);
        if (raw && (explains || json))
          throw new UsageError(
            `--raw prints only the model's output: leave ${explains ? '--explain' : '--json'} out${explains ? ', or --raw' : ', which has it as "text"'}.`,
          );
        if (trace && !json) throw new UsageError('--trace is told as JSON: give --json too.');
        checkChange(change);
        if (question.trim() === '') throw new UsageError('The question is empty.');
        await includeFiles(include);
        const signal = interruptSignal({ saves: false });
        const folder = await findModel({ model, signal });
        // What was not trained is said before anything is thought.
        if (draw !== undefined) checkDrawer({ folder });
        const picture = image === undefined ? undefined : imageFile(image);
        if (picture) await picture.load();
        // A question and an answer; pictures take more.
        const work = picture ? undefined : await modelWork({ folder, positions: 300 });
        await useEngine({ engine: engineFor({ engine, dtype }), work });
        const opened = await withPacks({ reasoner: await Reasoner.load({ folder, dtype }), paths: packs });
        const reasoner = factor === undefined ? opened : withFactor({ reasoner: opened, factor });
        const unknown = [question, ...Object.values(edit ?? {})].flatMap((text) => reasoner.unknownWords(text));
        if (unknown.length > 0 && !json) {
          const warning = `Warning: the model does not know ${unknown.length === 1 ? 'the word' : 'the words'} ${unknown.join(', ')}: it reads ${unknown.length === 1 ? 'it' : 'them'} as unknown, and answers as if something else had been said.`;
          if (raw) writeErrorLine(warning);
          else output.notice(warning);
        }
        const began = performance.now();
        const plain = { question, image: picture };
        const asked = edit ? { ...plain, words: edit } : plain;
        const [own, edited = own] = (await reasoner.think({
          questions: edit ? [plain, asked] : [plain],
          recurrences,
          haltFrom,
        })) as [Answer, Answer?];
        const changed = await changeThoughts({ reasoner, question: asked, answer: edited, change });
        const { answer } = changed;
        const seconds = (performance.now() - began) / 1000;
        const explanations = explains ? await explain({ answer, question, folder }) : undefined;
        const drawn = draw === undefined ? undefined : await drawAnswer({ folder, answer, path: draw });
        const { thoughts, ids: _ids, prompt: _prompt, ...rest } = answer;
        if (raw) {
          // What a model writes could set a terminal's colours and title, and type into it.
          writeOut(`${process.stdout.isTTY ? printable(answer.text) : answer.text}\n`);
          reasoner.dispose();
          return;
        }
        if (json) {
          output.event({
            event: 'answer',
            question,
            ...(edit && { edited: edit }),
            ...rest,
            answer: answer.answer ?? null,
            thoughts: thoughts.map(({ stage, index, position }) => ({ stage, index, position })),
            explanations,
            ...(drawn && { drawn }),
            ...(answer !== own && { withOwnThoughts: { answer: own.answer ?? null, text: own.text } }),
            ...(unknown.length > 0 && { unknownWords: unknown }),
            seconds,
            ...(trace && {
              trace: await traceAnswer({ reasoner, question: asked, answer, changed, attention: true, lens: true }),
            }),
          });
          return;
        }
        output.notice(`Answer: ${answer.answer ?? '(none: the response could not be parsed)'}`);
        if (answer !== own) output.notice(`With its own thoughts: ${own.answer ?? '(none)'}`);
        output.notice(`Wrote:  ${answer.text}`);
        for (const line of recurrenceLines(answer)) output.notice(line);
        for (const stage of answer.stages) {
          if (stage.text !== undefined) output.notice(`  ${stage.name}: ${stage.text}`);
          else if (explanations?.[stage.name] !== undefined)
            output.notice(`  ${stage.name} (decoded from its thought): ${explanations[stage.name]}`);
        }
        for (const [stage, words] of Object.entries(explanations ?? {})) {
          if (!answer.stages.some(({ name }) => name === stage))
            output.notice(`  ${stage} (decoded from its thought): ${words}`);
        }
        if (drawn) output.notice(`  ${drawn.stage} (drawn from its thoughts): ${drawn.file}`);
        const { generated, withoutTags, thinking } = answer.tokens;
        output.notice(
          `${generated} tokens, ${withoutTags} without tags, ${thinking} of them thinking tokens; ${(seconds * 1000).toFixed(0)} ms`,
        );
        reasoner.dispose();
      },
    );
}
