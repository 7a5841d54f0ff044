import { generateProsQA, toProsQARecord } from '@subtext/data';
import { measureSuperposition, nodeClasses, type Superposition } from '@subtext/decoder';
import { findTask, loadTask, renderReport, superpositionSections } from '@subtext/eval';
import { Reasoner } from '@subtext/reasoner';
import { useEngine, type EngineName } from '@subtext/tensor';
import {
  createOutput,
  engineOption,
  findModel,
  includeOption,
  interruptSignal,
  positiveWholeNumber,
  textTable,
  UsageError,
  type Output,
} from '@subtext/terminal';
import { writeAtomically } from '@subtext/trainer';
import { Command } from 'commander';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { includeFiles } from '../include';
import { generatedGraphs } from '../inspect/graph-examples';

interface ThoughtsCommandOptions {
  model: string;
  task: string;
  data?: string;
  limit?: number;
  output?: string;
  include: string[];
  json: boolean;
  engine: EngineName | 'auto';
}

/** The tasks whose examples are graphs. */
const graphTasks = ['prosqa-graph'];

export function thoughtsCommand(): Command {
  return new Command('thoughts')
    .requiredOption('--model <folder>', 'a reasoner trained on graphs')
    .requiredOption('--task <name>', `the task: ${graphTasks.join(', ')}`)
    .option('--data <file>', "the task's data file (default: 200 generated questions)")
    .option('--limit <count>', 'use only the first questions', positiveWholeNumber)
    .option('--output <file>', 'write an HTML report')
    .addOption(includeOption())
    .addOption(engineOption())
    .option('--json', 'print one JSON object', false)
    .action(async (options: ThoughtsCommandOptions) => {
      const output = createOutput(options);
      await includeFiles(options.include);
      await useEngine({ engine: options.engine });
      const task = findTask(options.task);
      if (!graphTasks.includes(task.name))
        throw new UsageError(
          `Task "${task.name}" has no graphs, so thoughts cannot be compared with nodes; use ${graphTasks.join(', ')}.`,
        );
      const signal = interruptSignal({ saves: false });
      const reasoner = await Reasoner.load({ folder: await findModel({ model: options.model, signal }) });
      try {
        const { examples, source } = await readQuestions({ options, task });
        const superposition = await measureSuperposition({
          reasoner,
          task,
          examples,
          signal,
          onProgress: ({ done, total }) => output.progress({ label: 'thinking', done, total }),
        });
        output.endProgress();
        await show({ options, superposition, source, output });
      } finally {
        reasoner.dispose();
      }
    });
}

async function readQuestions({
  options,
  task,
}: {
  options: ThoughtsCommandOptions;
  task: ReturnType<typeof findTask>;
}) {
  const { data, limit } = options;
  if (data !== undefined) return { examples: (await loadTask({ task, path: data, limit })).examples, source: data };
  const folder = await mkdtemp(join(tmpdir(), 'subtext-thoughts-'));
  try {
    const path = join(folder, 'graphs.json');
    await writeFile(path, JSON.stringify([...generateProsQA(generatedGraphs)].map(toProsQARecord)));
    return {
      examples: (await loadTask({ task, path, limit })).examples,
      source: `${generatedGraphs.count} generated questions`,
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function show({
  options,
  superposition,
  source,
  output,
}: {
  options: ThoughtsCommandOptions;
  superposition: Superposition;
  source: string;
  output: Output;
}): Promise<void> {
  const { thoughts, overall, questions } = superposition;
  const order = [...nodeClasses].filter((name) => overall[name]).sort((a, b) => overall[b]!.mean - overall[a]!.mean);
  const summary = `Over ${questions} questions of ${source} and all thoughts: ${order.join(' > ')}.`;
  const cells = (classes: Superposition['overall']) =>
    nodeClasses.map((name) =>
      classes[name] ? `${classes[name].mean.toFixed(2)} ± ${classes[name].standardError.toFixed(2)}` : '–',
    );
  if (options.output !== undefined) {
    const page = renderReport({
      title: `The thoughts of ${options.model}`,
      summary,
      sections: superpositionSections({ superposition }),
      footer: `Model ${options.model}, task ${options.task}, ${source}.`,
    });
    await writeAtomically({ path: options.output, data: page });
  }
  const table = textTable({
    header: ['thought', ...nodeClasses],
    rows: [...thoughts.map(({ thought, classes }) => [String(thought), ...cells(classes)]), ['all', ...cells(overall)]],
  });
  const report = options.output === undefined ? {} : { report: options.output };
  output.event(
    { event: 'thoughts', model: options.model, task: options.task, source, ...superposition, ...report },
    `Dot products of thoughts with the nodes' embeddings, by class: mean ± standard error\n\n${table}\n\n${summary}${options.output === undefined ? '' : `\nReport: ${options.output}`}`,
  );
}
