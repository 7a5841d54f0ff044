import type { ReasoningExample } from '@subtext/data';
import { Explainer } from '@subtext/decoder';
import {
  auditInterpreter,
  auditMarkdown,
  auditThoughts,
  commonestAnswerFloor,
  explainerSubject,
  hashExamples,
  hashFolder,
  interpreterAuditSections,
  isCandidate,
  keepExplanations,
  keepThoughtRuns,
  probeReasoner,
  probeSections,
  proseSection,
  ReasonerThoughts,
  retainedInformation,
  RunFolder,
  thoughtAuditSections,
  verdictWords,
  type EvaluationTask,
  type InterpreterAudit,
  type ReasonerProbes,
  type ReportSection,
  type RetainedInformation,
  type ThoughtAudit,
} from '@subtext/eval';
import { type Answer, type Reasoner, stageName } from '@subtext/reasoner';
import { engineName } from '@subtext/tensor';
import { type Output, UsageError } from '@subtext/terminal';
import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { loadTasks, tasksOf, type AskedData } from './load-tasks';
import { writtenFor } from './open-answering-model';
import { openReasoner } from './open-reasoner';
import { machine, packageVersions } from './versions';

export interface AuditSettings extends AskedData {
  model: string;
  output: string;
  batch: number;
  noCot?: string;
  cot?: string;
  floor?: number;
  seed: number;
  probes: boolean;
}

/** What an audit found. */
export interface AuditResult {
  model: string;
  task: string;
  engine: string;
  /** Engine, processor, and Subtext's commit where it is known. */
  machine: Record<string, string | number>;
  seed: number;
  versions: Record<string, string>;
  count: number;
  /** Examples that could not be asked, such as ones whose picture cannot be read. */
  left: { id: string; message: string }[];
  thoughts: ThoughtAudit;
  retained: RetainedInformation | null;
  interpreters: { name: string; audit: InterpreterAudit }[];
  /** Held-out accuracies of the probes. */
  probes: {
    name: string;
    accuracy: number;
    shuffled: number;
    control: number | null;
    selectivity: number | null;
    majority: number;
  }[];
}

/** Audits a model's thoughts and its interpreters, and probes what the thoughts hold. */
export async function auditModel({
  settings,
  output,
  signal,
}: {
  settings: AuditSettings;
  output: Output;
  signal: AbortSignal;
}): Promise<{ result: AuditResult; sections: ReportSection[]; markdown: string; summary: string }> {
  if ((settings.noCot === undefined) !== (settings.cot === undefined))
    throw new UsageError('The retained information needs both --no-cot and --cot.');
  const [named] = tasksOf(settings);
  if (named?.judge)
    throw new UsageError(
      `Task "${named.name}" is scored by a judge, and an audit scores each question a dozen times; take a task that rules score, or your own data with --format and --score.`,
    );
  const [asked] = await loadTasks({ asked: settings, output });
  const reasoner = await openReasoner({ folder: settings.model, loaded: [asked!] });
  try {
    const { task, examples: all } = writtenFor({ method: reasoner.settings.method.name, loaded: asked! });
    const { examples, left } = await readableExamples(all);
    if (examples.length === 0)
      throw new UsageError(`No example can be asked; the first, ${left[0]?.id}: ${left[0]?.message}`);
    for (const { id, message } of left) output.notice(`  ${id} is left out: ${message}`);
    const floor = settings.floor ?? commonestAnswerFloor({ examples });
    const folder = await RunFolder.open({
      folder: settings.output,
      identity: {
        modelHash: await hashFolder(settings.model),
        tasks: { [task.name]: { version: task.version, examples: await hashExamples(examples) } },
        settings: { audit: 2, seed: settings.seed, limit: settings.limit ?? null, engine: engineName() },
      },
    });
    try {
      if (folder.resumed)
        output.event(
          { event: 'resumed', folder: settings.output },
          `  ${settings.output} was begun before: finished parts are kept.`,
        );
      return await auditOpened({ settings, task, examples, left, floor, reasoner, output, signal });
    } finally {
      output.endProgress();
      await folder.close();
    }
  } finally {
    reasoner.dispose();
  }
}

async function auditOpened({
  settings,
  task,
  examples,
  left,
  floor,
  reasoner,
  output,
  signal,
}: {
  settings: AuditSettings;
  task: EvaluationTask;
  examples: ReasoningExample[];
  left: AuditResult['left'];
  floor: number;
  reasoner: Reasoner;
  output: Output;
  signal: AbortSignal;
}): Promise<{ result: AuditResult; sections: ReportSection[]; markdown: string; summary: string }> {
  const { seed, batch, model, output: folder } = settings;
  const kept = join(folder, 'runs');
  await mkdir(kept, { recursive: true });
  const progress =
    (label: string) =>
    ({ done, total, name }: { done: number; total: number; name?: string }) =>
      output.progress({ label, done, total, ...(name === undefined ? {} : { details: name }) });

  output.heading('Are the thoughts used?');
  const subject = new ReasonerThoughts({ reasoner, task, batch, signal, onProgress: progress('answering') });
  const answers = await subject.answers({ examples });
  const category = examples.some(({ category: kind }) => kind !== undefined);
  const thoughts = await auditThoughts({
    subject: keepThoughtRuns({ subject, folder: kept }),
    examples,
    floor,
    seed,
    candidate: isCandidate,
    ...(category
      ? { compatible: (one: ReasoningExample, other: ReasoningExample) => one.category === other.category }
      : {}),
    onProgress: progress('interventions'),
  });
  output.notice(`  ${verdictWords(thoughts)}`);
  const retained = await measureRetained({ settings, task, examples, subject, output, signal });

  const interpreters = await auditInterpreters({ settings, examples, answers, kept, output, signal });

  let probes: ReasonerProbes | null = null;
  if (settings.probes) {
    output.heading('What do the thoughts hold?');
    const questions = examples.map((example) => ({
      question: task.prompt(example),
      ...(example.image === undefined ? {} : { image: example.image }),
    }));
    probes = await probeReasoner({
      reasoner,
      examples,
      questions,
      answers,
      seed,
      signal,
      onProgress: progress('probes'),
    });
  }
  const result: AuditResult = {
    model,
    task: task.name,
    engine: engineName(),
    machine: await machine(),
    seed,
    versions: packageVersions(),
    count: examples.length,
    left,
    thoughts,
    retained: retained ?? null,
    interpreters,
    probes: (probes?.probes ?? []).map(({ name, result: { accuracy, shuffled, control, selectivity, majority } }) => ({
      name,
      accuracy: accuracy.value,
      shuffled: shuffled.mean,
      control: control?.mean ?? null,
      selectivity,
      majority,
    })),
  };
  const sections = [
    ...thoughtAuditSections({ audit: thoughts, ...(retained ? { retained } : {}) }),
    ...interpreters.flatMap(({ name, audit }) => interpreterAuditSections({ audit, name })),
    ...(probes ? probeReport({ probes, reasoner }) : []),
    howSection({ settings, task, floor, left, result }),
  ];
  const summary = `${examples.length} questions of ${task.name}. The thoughts: ${verdictWords(thoughts)}.${interpreters.map(({ name, audit }) => ` ${name}: ${verdictWords(audit)}.`).join('')}`;
  return {
    result,
    sections,
    summary,
    markdown: auditMarkdown({ thoughts, ...(retained ? { retained } : {}), interpreters }),
  };
}

/** Likelihoods of the true answers by the two models on either side of a hidden chain, against this one's. */
async function measureRetained({
  settings,
  task,
  examples,
  subject,
  output,
  signal,
}: {
  settings: AuditSettings;
  task: EvaluationTask;
  examples: ReasoningExample[];
  subject: ReasonerThoughts;
  output: Output;
  signal: AbortSignal;
}): Promise<RetainedInformation | undefined> {
  if (settings.noCot === undefined || settings.cot === undefined) return undefined;
  const likelihoods = async (folder: string) => {
    const reasoner = await openReasoner({ folder, loaded: [{ task, examples }] });
    try {
      const other = new ReasonerThoughts({
        reasoner,
        task,
        batch: settings.batch,
        signal,
        onProgress: ({ done, total }) => output.progress({ label: folder, done, total }),
      });
      return (await other.run({ examples, intervention: null })).map(
        ({ negativeLogLikelihood }) => negativeLogLikelihood,
      );
    } finally {
      output.endProgress();
      reasoner.dispose();
    }
  };
  const withoutChain = await likelihoods(settings.noCot);
  const written = await likelihoods(settings.cot);
  const hidden = (await subject.run({ examples, intervention: null })).map(
    ({ negativeLogLikelihood }) => negativeLogLikelihood,
  );
  return retainedInformation({ withoutChain, hidden, written, seed: settings.seed });
}

async function auditInterpreters({
  settings,
  examples,
  answers,
  kept,
  output,
  signal,
}: {
  settings: AuditSettings;
  examples: ReasoningExample[];
  answers: readonly Answer[];
  kept: string;
  output: Output;
  signal: AbortSignal;
}): Promise<AuditResult['interpreters']> {
  const parent = join(settings.model, 'interpreters');
  const names = existsSync(parent) ? (await readdir(parent)).sort() : [];
  if (names.length === 0) {
    output.notice('  The model has no interpreters to audit.');
    return [];
  }
  output.heading('Do the interpreters read the thoughts?');
  const answerOf = new Map(examples.map((example, index) => [example, answers[index]!]));
  const audits: AuditResult['interpreters'] = [];
  for (const name of names) {
    const explainer = await Explainer.load(join(parent, name));
    try {
      for (const stage of explainer.settings.stages) {
        const thoughtsOf = (example: ReasoningExample) =>
          answerOf
            .get(example)!
            .thoughts.filter((thought) => thought.stage === stage)
            .map(({ hidden }) => hidden);
        const usable = examples.filter(
          (example) =>
            thoughtsOf(example).length > 0 && example.steps.some((step, index) => stageName({ step, index }) === stage),
        );
        const title = names.length > 1 ? `${name}: ${stage}` : stage;
        if (usable.length < 2) {
          output.notice(
            `  ${title} is left out: ${usable.length} of ${examples.length} examples have its true text and a thought of it.`,
          );
          continue;
        }
        const subject = explainerSubject({ explainer, stage, thoughtsOf, batch: settings.batch, signal });
        const audit = await auditInterpreter({
          subject: keepExplanations({ subject, folder: kept, name: `${name} ${stage}` }),
          examples: usable,
          seed: settings.seed,
          onProgress: ({ done, total, name: condition }) =>
            output.progress({ label: title, done, total, details: condition }),
        });
        output.endProgress();
        output.notice(`  ${title}: ${verdictWords(audit)}`);
        audits.push({ name: title, audit });
      }
    } finally {
      explainer.dispose();
    }
  }
  return audits;
}

/** Examples whose pictures can be read; the others are told, not passed over. */
async function readableExamples(
  all: readonly ReasoningExample[],
): Promise<{ examples: ReasoningExample[]; left: AuditResult['left'] }> {
  const examples: ReasoningExample[] = [];
  const left: AuditResult['left'] = [];
  for (const example of all) {
    try {
      await example.image?.load();
      examples.push(example);
    } catch (error) {
      left.push({ id: example.id, message: (error as Error).message });
    }
  }
  return { examples, left };
}

function probeReport({ probes, reasoner }: { probes: ReasonerProbes; reasoner: Reasoner }): ReportSection[] {
  const { lens, geometry, autoencoder, left } = probes;
  const sections = probeSections({
    probes: probes.probes,
    ...(lens
      ? { lens: { ...lens, tokenText: (id: number) => reasoner.tokenizer.decode([id], { skipSpecialTokens: false }) } }
      : {}),
    ...(geometry ? { geometry } : {}),
    ...(autoencoder ? { autoencoder } : {}),
  });
  return left.length === 0 ? sections : [...sections, proseSection({ title: 'Probes left out', list: left })];
}

function howSection({
  settings,
  task,
  floor,
  left,
  result,
}: {
  settings: AuditSettings;
  task: EvaluationTask;
  floor: number;
  left: AuditResult['left'];
  result: AuditResult;
}): ReportSection {
  return proseSection({
    title: 'How it was made',
    text: 'A thought is what attention finds at its position, and for thinking tokens at the opening tag before it: the keys and values of every layer. The model’s own response is fed again with others in their place, up to the mark that opens the answer; the answer is written from there. What stays right without the own thoughts was taken from the prompt.',
    facts: [
      { name: 'model', value: settings.model },
      { name: 'task', value: `${task.name}, version ${task.version}` },
      {
        name: 'examples',
        value: `${result.count}${left.length > 0 ? `, and ${left.length} that could not be read` : ''}`,
      },
      {
        name: 'floor',
        value: `${(100 * floor).toFixed(1)} %${settings.floor === undefined ? ' (the commonest answer of each kind of question)' : ' (given)'}`,
      },
      { name: 'seed', value: String(settings.seed) },
      ...Object.entries(result.machine).map(([name, value]) => ({
        name: name.replaceAll('_', ' '),
        value: String(value),
      })),
      ...(settings.noCot === undefined
        ? []
        : [
            { name: 'without a chain', value: settings.noCot },
            { name: 'with a written chain', value: settings.cot! },
          ]),
      ...Object.entries(result.versions).map(([name, value]) => ({ name, value })),
    ],
  });
}
