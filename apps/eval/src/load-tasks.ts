import {
  answerScores,
  evaluationRegistries,
  findTask,
  formatTask,
  loadQuestions,
  type AnswerScore,
  type EvaluationTask,
  type Questions,
} from '@subtext/eval';
import { includeModules } from '@subtext/core/node';
import { includeOption, type Output, UsageError } from '@subtext/terminal';
import { Option, type Command } from 'commander';

/** What is asked, as the command line says it. */
export interface AskedData {
  task?: readonly string[] | string;
  format?: string;
  score?: AnswerScore;
  data?: readonly string[];
  limit?: number;
  include: readonly string[];
  /** `--no-images`: false. */
  images: boolean;
}

/** The options by which one's own data is asked; those of `--task` differ from command to command. */
export function dataOptions(command: Command): Command {
  return command
    .option('--format <name>', 'the format of your own data, instead of --task (subtext data formats lists them)')
    .addOption(new Option('--score <how>', 'how to score answers to your own data').choices([...answerScores]))
    .option('--no-images', 'leave out the images of your own data')
    .addOption(includeOption());
}

/** Runs the modules of `--include`, before tasks are looked for. */
export async function includeAsked({ include }: AskedData): Promise<void> {
  await includeModules({ paths: include, registries: evaluationRegistries });
}

/** The tasks that are named, or the one of one's own data. @throws UsageError for neither and for both */
export function tasksOf({ task, format, score, images }: AskedData): EvaluationTask[] {
  const names = task === undefined ? [] : typeof task === 'string' ? [task] : task;
  if (format === undefined && score === undefined) {
    if (names.length === 0)
      throw new UsageError(
        'Say what to evaluate: --task NAME for a benchmark, or --format FORMAT --data FILE --score exact|numeric|choice|facts for your own data.',
      );
    if (!images)
      throw new UsageError('--no-images is for your own data (--format); the tasks ask about their pictures.');
    const twice = names.find((name, index) => names.indexOf(name) < index);
    if (twice !== undefined) throw new UsageError(`The task "${twice}" is named twice.`);
    return names.map(findTask);
  }
  if (names.length > 0)
    throw new UsageError(
      `--task selects a benchmark with its own format and scoring; leave out ${format === undefined ? '--score' : '--format'}, or --task.`,
    );
  if (format === undefined || score === undefined)
    throw new UsageError(
      `Your own data needs both --format and --score; ${format === undefined ? '--format says how the file is read' : `--score says how answers are scored: ${answerScores.join(', ')}`}.`,
    );
  return [formatTask({ format, score })];
}

/** Where each task's data lies: one path for one task, `NAME=PATH` for several. */
function dataPaths({
  tasks,
  data,
}: {
  tasks: readonly EvaluationTask[];
  data: readonly string[] | undefined;
}): Map<string, string> {
  const paths = new Map<string, string>();
  for (const entry of data ?? []) {
    const named = /^([^=/\\]+)=(.+)$/.exec(entry);
    const name = named?.[1];
    if (name !== undefined && tasks.some((task) => task.name === name)) paths.set(name, named?.[2] as string);
    else if (tasks.length === 1) paths.set(tasks[0]!.name, entry);
    else
      throw new UsageError(
        `--data ${entry} names none of the tasks ${tasks.map((task) => task.name).join(', ')}; with several tasks write --data NAME=PATH for each.`,
      );
  }
  const missing = tasks.find((task) => !paths.has(task.name));
  if (missing)
    throw new UsageError(
      `Task "${missing.name}" needs --data${tasks.length === 1 ? ' PATH' : ` ${missing.name}=PATH`}: ${missing.dataDescription}.`,
    );
  return paths;
}

/** Finds what is asked and reads its examples; what could not be read is told. */
export async function loadTasks({ asked, output }: { asked: AskedData; output: Output }): Promise<Questions[]> {
  await includeAsked(asked);
  const tasks = tasksOf(asked);
  const { data, limit, images } = asked;
  const paths = dataPaths({ tasks, data });
  const loaded: Questions[] = [];
  for (const task of tasks) {
    const questions = await loadQuestions({ task, path: paths.get(task.name) as string, limit, images });
    loaded.push(questions);
    const { dropped, first } = questions.faults;
    if (dropped > 0)
      output.event(
        { event: 'dropped', task: task.name, dropped, first: first[0] },
        `  ${task.name}: ${dropped} of ${questions.total} records cannot be read and are left out; the first, at line ${first[0]?.line}: ${first[0]?.message}`,
      );
  }
  return loaded;
}
