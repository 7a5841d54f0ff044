import {
  chartSection,
  type ChartSeries,
  gallerySection,
  type GalleryItem,
  isReportPicture,
  proseSection,
  renderReport,
  tableSection,
  type ThinkingEvaluation,
  type UseEvaluation,
} from '@subtext/eval';
import { readRegularFile } from '@subtext/core/node';
import type { ReasoningExample } from '@subtext/data';
import { stageName } from '@subtext/reasoner';
import { type CurvePoint, readRun } from '@subtext/trainer/runs';

import type { MachineRecord } from '../machine-record';
import { conditionName } from './condition-name';
import { auditHighlights, auditSections, type StartAudit } from './start-audits';
import { drawingHighlights, drawingOf, drawingSections, shownStages } from './start-drawings';

/** A trained run with its evaluation. */
export interface StartRun {
  name: string;
  /** The name that tables give it. */
  label: string;
  /** Of its training. */
  folder: string;
  /** Optimizer steps, all phases together. */
  steps: number;
  evaluation: ThinkingEvaluation;
  /** Whether its thoughts are used; of models that think. */
  use?: UseEvaluation;
}

/** What stands in `results.json`. */
export interface StartResults {
  preset: string;
  seed: number;
  engine: string;
  workers: number;
  versions: Record<string, string>;
  /** What it was computed with. */
  machine: MachineRecord;
  command: string;
  secondsTotal: number;
  questionOnlyLookup?: number;
  methods: (ThinkingEvaluation['summary'] & { singleMilliseconds: number; steps: number })[];
  explanations: ThinkingEvaluation['explanations'];
  /** Left out where no drawer was trained. */
  drawings?: ThinkingEvaluation['drawings'];
  /** Whether thoughts are used, model by model. */
  audits: StartAudit[];
  interpreters: string;
}

const percent = (value: number) => `${(value * 100).toFixed(1)} %`;

/** A run's loss, with the places where its phases begin. */
async function readCurve({
  folder,
  label,
}: StartRun): Promise<{ series: ChartSeries[]; phases: { x: number; label: string }[] }> {
  const { curves } = await readRun(folder);
  const [loss, interpreter] = ['loss', 'interpreterLoss'].map((measure) => curves.curve(measure)) as [
    CurvePoint[],
    CurvePoint[],
  ];
  return {
    phases: curves.phases,
    series:
      interpreter.length === 0
        ? [{ name: label, points: loss }]
        : [
            { name: 'reasoner', points: loss },
            { name: 'interpreter', points: interpreter },
          ],
  };
}

/** Right and wrong answers in equal parts, as far as there are any, in the set's order. */
function chooseExamples({
  evaluation,
  count,
}: {
  evaluation: ThinkingEvaluation;
  count: number;
}): ThinkingEvaluation['examples'] {
  const right = evaluation.examples.filter(({ correct }) => correct);
  const wrong = evaluation.examples.filter(({ correct }) => !correct);
  const chosenWrong = wrong.slice(0, Math.floor(count / 2));
  return [...right.slice(0, count - chosenWrong.length), ...chosenWrong];
}

async function galleryItem({
  example,
  truth,
  changed,
  drawnStage,
}: {
  example: ThinkingEvaluation['examples'][number];
  truth: ReasoningExample;
  /** What it answers with other thoughts. */
  changed: UseEvaluation['changed'];
  /** The stage that a drawer draws, if there is one. */
  drawnStage: string | undefined;
}): Promise<GalleryItem> {
  // A picture that is gone or broken by now leaves its place empty.
  const data =
    example.image === undefined ? undefined : await readRegularFile({ path: example.image }).catch(() => undefined);
  return {
    name: example.id,
    question: example.question,
    answer: example.answer ?? null,
    expected: example.expected,
    correct: example.correct,
    ...(data !== undefined && isReportPicture(data)
      ? { image: { data, alternativeText: `The picture of ${example.id}`, pixelated: true } }
      : {}),
    thinkingTokens: example.text.match(/<THINKING_OF_[A-Z_0-9]+>/g) ?? [],
    output: example.text,
    counts: [
      `${example.tokens.generated} generated tokens`,
      `${example.tokens.withoutTags} without tags`,
      `${example.tokens.thinking} thinking tokens`,
    ],
    thoughts: shownStages({ example, drawnStage }).map((stage) => ({
      stage,
      reading: example.explanations[stage] ?? null,
      truth: truth.steps.find((step, index) => stageName({ step, index }) === stage)?.text ?? null,
      ...drawingOf({ example, stage, drawnStage }),
      changes: changed
        .filter((one) => one.id === example.id && one.stage === stage)
        .map(({ kind, change, answer, expected }) => ({
          change: kind === 'exchanged' ? `the ${stage} of ${change}` : change,
          answer,
          expected,
        })),
    })),
  };
}

/** The page of a start run. */
export async function startReport({
  results,
  runs,
  examples,
}: {
  results: StartResults;
  runs: readonly StartRun[];
  examples: readonly ReasoningExample[];
}): Promise<string> {
  const heima = runs.find(({ name }) => name === 'heima')!;
  const cot = runs.find(({ name }) => name === 'cot')!;
  const ratio = heima.evaluation.summary.tokens.withoutTags / cot.evaluation.summary.tokens.withoutTags;
  const speed = cot.evaluation.summary.secondsPerAnswer / heima.evaluation.summary.secondsPerAnswer;
  const curves = await Promise.all(runs.map(async (run) => ({ run, curve: await readCurve(run) })));
  const truths = new Map(examples.map((example) => [example.id, example]));
  const caption = results.explanations.caption;
  const { drawings } = results;
  const items = await Promise.all(
    chooseExamples({ evaluation: heima.evaluation, count: 12 }).map((example) =>
      galleryItem({
        example,
        truth: truths.get(example.id)!,
        changed: heima.use?.changed ?? [],
        drawnStage: drawings?.stage,
      }),
    ),
  );
  return renderReport({
    title: 'Reasoning in hidden tokens',
    summary: [
      `A small vision model learned to answer multi-hop questions about images: first by writing its whole chain of thought, then (Heima) with a few hidden tokens per stage, once as published, with full attention, and once so that the answer sees only thoughts. All results are on ${results.methods[0]!.count} unseen images. A text model also learned arithmetic with continuous thoughts.`,
      results.interpreters,
    ],
    highlights: [
      {
        label: 'Heima accuracy',
        value: percent(heima.evaluation.summary.accuracy),
        note: `written chain of thought: ${percent(cot.evaluation.summary.accuracy)}`,
      },
      { label: 'of the tokens', value: percent(ratio), note: 'without tags' },
      { label: 'faster per answer', value: `${speed.toFixed(1)}×`, note: 'batches on all workers' },
      ...(caption?.own?.factsRight === undefined
        ? []
        : [
            {
              label: 'caption facts decoded',
              value: percent(caption.own.factsRight),
              note:
                caption.another?.factsRight === undefined
                  ? 'no other image has the same number of thoughts'
                  : `another image's thought: ${percent(caption.another.factsRight)}`,
            },
          ]),
      ...auditHighlights(results.audits),
      ...drawingHighlights(drawings),
    ],
    sections: [
      tableSection({
        title: 'Answers',
        caption: 'Accuracy with 95 % Wilson interval, generated tokens per question, and time per answer.',
        columns: [
          'Method',
          { header: 'Steps', format: 'integer' },
          { header: 'Accuracy', format: 'percent' },
          { header: 'Standard error', format: 'percent' },
          { header: 'Tokens', digits: 1 },
          { header: 'without tags', digits: 1 },
          { header: 'Thinking tokens', digits: 1 },
          { header: 'ms an answer, batched', digits: 1 },
          { header: 'ms an answer, alone', digits: 0 },
          'Unparseable',
        ],
        rows: results.methods.map(
          ({
            method,
            steps,
            accuracy,
            interval,
            standardError,
            tokens,
            secondsPerAnswer,
            singleMilliseconds,
            unparseable,
          }) => [
            method,
            steps,
            { value: accuracy, interval },
            standardError,
            tokens.generated,
            tokens.withoutTags,
            tokens.thinking,
            secondsPerAnswer * 1000,
            singleMilliseconds,
            unparseable,
          ],
        ),
        notes: [
          'Unparseable responses count as wrong.',
          'The last row is on calculations modulo 6 with 2 to 4 operations, without images.',
          ...(results.questionOnlyLookup === undefined
            ? []
            : [
                `A lookup table from the question alone, without any model, reaches ${percent(results.questionOnlyLookup)}.`,
              ]),
        ],
      }),
      ...auditSections(results.audits),
      ...Object.entries(results.explanations).map(([stage, conditions]) =>
        tableSection({
          title: `Reading the thought: ${stage}`,
          caption: `What the interpreter writes for the hidden ${stage}, given its own thought, another image's thought, zeros, or the question alone.`,
          columns: [
            'Given',
            { header: 'BLEU', digits: 1 },
            { header: 'ROUGE-L', digits: 1 },
            { header: 'Facts right', format: 'percent' },
            { header: 'Exactly the stage', format: 'percent' },
          ],
          notes:
            conditions.another === undefined
              ? ["Another image's thought is omitted: no other has the same number of thoughts."]
              : [],
          rows: Object.entries(conditions).map(([condition, score]) => [
            conditionName(condition),
            score.bleu,
            score.rougeL,
            score.factsRight ?? null,
            score.exact,
          ]),
        }),
      ),
      ...drawingSections(drawings),
      gallerySection({
        title: 'Unseen pictures',
        caption:
          'The first correct and incorrect answers in the test set. Words where the decoded text differs from the true stage are marked. Below a thought: the answer with another image’s thought swapped in, and with one fact edited.',
        items,
      }),
      ...curves.map(({ run, curve }) =>
        chartSection({
          title: `Training: ${run.label}`,
          caption: 'Loss in nats per predicted token, by step; vertical lines are phases.',
          xLabel: 'step',
          yLabel: 'loss',
          ...curve,
        }),
      ),
      proseSection({
        title: 'How it was made',
        text: [
          `Command: \`${results.command}\`, seed ${results.seed}, engine ${results.engine} with ${results.workers} workers, ${Math.round(results.secondsTotal)} seconds in all.`,
          `Machine: ${results.machine.processor}, ${results.machine.threads} threads; ${results.machine.device ?? results.engine}${results.machine.commit === null ? '' : `; commit ${results.machine.commit.slice(0, 10)}`}.`,
          `Versions: ${Object.entries(results.versions)
            .map(([name, version]) => `${name} ${version}`)
            .join(', ')}.`,
        ],
      }),
    ],
  });
}
