import { parseJson, printableLine } from '@subtext/core';
import { readTextFile } from '@subtext/core/node';
import type { AuditResult, EvaluationResults } from '@subtext/eval';
import { isOwnModelCard } from '@subtext/trainer/runs';
import { UsageError } from '@subtext/terminal';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, isAbsolute, join } from 'node:path';

/** A card for a push. */
export interface PushCard {
  /** Absent where the folder's own card goes as it is. */
  text?: string;
  /** What a person should know before it is sent. */
  notices: string[];
}

const MOST_BYTES = 64 * 2 ** 20;

async function readJson<Value>(path: string): Promise<Value> {
  return parseJson({ text: await readTextFile({ path, maximumBytes: MOST_BYTES }), name: path }) as Value;
}

/** A cell of a table, on one line. */
const cell = (value: unknown): string => printableLine(String(value)).replaceAll('|', '\\|');
const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;

/**
 * A model's card for the Hub: the one that its run wrote, with the configuration, the results, the verdict of the audit and
 * the commands that make them. A card that its user wrote is left as it is.
 */
export async function pushCard({
  folder,
  run,
  results,
  audit,
  license,
}: {
  /** The model's. */
  folder: string;
  /** Of the run that made it. @default none: no configuration is told */
  run?: string;
  /** Of an evaluation. @default the run's `evaluation`, where there is one */
  results?: string;
  /** Of an audit. @default the run's `audit`, where there is one */
  audit?: string;
  license?: string;
}): Promise<PushCard> {
  const path = join(folder, 'README.md');
  const notices: string[] = [];
  if (existsSync(path) && !(await isOwnModelCard(path))) {
    const asked = [results, audit, license].some((given) => given !== undefined);
    return {
      notices: asked
        ? [`${path} is a card of your own, which is sent as it is: --results, --audit and --license change nothing.`]
        : [],
    };
  }
  const written = existsSync(path)
    ? await readTextFile({ path, maximumBytes: 2 ** 20 })
    : `---\ntags: ["subtext"]\n---\n\n# ${basename(run ?? folder)}\n`;
  const [, frontMatter = '', body = written] = /^---\n([^]*?)\n---\n([^]*)$/.exec(written) ?? [];
  const found = await resultsOf(results ?? within(run, 'evaluation'), results !== undefined);
  const verdict = await auditOf(audit ?? within(run, 'audit'), audit !== undefined);
  const lines = frontMatter.split('\n').filter((line) => license === undefined || !line.startsWith('license:'));
  if (license !== undefined) {
    if (!/^[\w.-]+$/.test(license)) throw new UsageError(`${license} is not a licence id such as apache-2.0 or mit.`);
    lines.unshift(`license: ${license}`);
  }
  if (!lines.some((line) => line.startsWith('license:')))
    notices.push('The card has no licence: give one with --license that the base model and the data allow.');
  if (found) lines.push(`model-index: ${JSON.stringify(modelIndex({ name: basename(run ?? folder), found }))}`);
  else
    notices.push('The card has no results: measure them with `subtext eval run`, and name the folder with --results.');
  if (!verdict)
    notices.push(
      'The card does not say whether the thoughts are used: `subtext eval audit` finds out, --audit names its folder.',
    );
  const sections = [
    ...(found ? [resultsSection(found)] : []),
    ...(verdict ? [auditSection(verdict)] : []),
    ...(run === undefined ? [] : [await configurationSection(run)]),
  ];
  const said =
    license === undefined ? body : body.replace(/ Its licence is not stated: add .*? before you publish it\./, '');
  return { text: `---\n${lines.join('\n')}\n---\n${said.trimEnd()}\n\n${sections.join('\n\n')}\n`, notices };
}

const within = (run: string | undefined, name: string): string | undefined =>
  run !== undefined && existsSync(join(run, name)) ? join(run, name) : undefined;

/** The newest results of a folder. */
async function resultsOf(folder: string | undefined, asked: boolean): Promise<EvaluationResults | undefined> {
  if (folder === undefined) return undefined;
  const names = (await readdir(folder).catch(() => [])).filter((name) => /^results_.*\.json$/.test(name)).sort();
  if (names.length === 0) {
    if (asked) throw new UsageError(`${folder} has no results_<date>.json; give the output folder of \`eval run\`.`);
    return undefined;
  }
  const { readResults } = await import('@subtext/eval');
  return readResults({ path: join(folder, names.at(-1)!) });
}

async function auditOf(folder: string | undefined, asked: boolean): Promise<AuditResult | undefined> {
  if (folder === undefined) return undefined;
  const path = join(folder, 'audit.json');
  if (!existsSync(path)) {
    if (asked) throw new UsageError(`${folder} has no audit.json; give the output folder of \`eval audit\`.`);
    return undefined;
  }
  const audit = await readJson<AuditResult>(path);
  if (typeof audit?.thoughts?.verdict !== 'string')
    throw new UsageError(`${path} is not an audit written by \`subtext eval audit\`.`);
  return audit;
}

/** Scores by task: `metric,filter` with its standard error. */
function scoresOf({ results, 'n-samples': samples }: EvaluationResults) {
  return Object.entries(results).flatMap(([task, columns]) =>
    Object.entries(columns).flatMap(([name, value]) => {
      const [metric = '', filter = ''] = name.split(',');
      if (typeof value !== 'number' || filter === '' || metric.endsWith('_stderr')) return [];
      const error = columns[`${metric}_stderr,${filter}`];
      return [
        {
          task,
          metric,
          filter,
          value,
          error: typeof error === 'number' ? error : undefined,
          count: samples?.[task]?.effective,
        },
      ];
    }),
  );
}

function resultsSection(found: EvaluationResults): string {
  const rows = scoresOf(found).map(
    ({ task, metric, filter, value, error, count }) =>
      `| ${cell(task)} | ${cell(metric)}${filter === 'none' ? '' : `, ${cell(filter)}`} | ${percent(value)}${error === undefined ? '' : ` ± ${percent(error)}`} | ${count ?? ''} |`,
  );
  const tasks = Object.keys(found.results).map(printableLine).join(',');
  return `## Results

| task | score | value ± standard error | questions |
| - | - | - | - |
${rows.join('\n')}

\`subtext eval run --model FOLDER_OR_ID --task ${tasks} --data FILE --output FOLDER\``;
}

/** As the Hub reads results from a card. */
function modelIndex({ name, found }: { name: string; found: EvaluationResults }): unknown {
  return [
    {
      name,
      results: scoresOf(found).map(({ task, metric, value }) => ({
        task: { type: 'text-generation' },
        dataset: { name: task, type: task },
        metrics: [{ type: metric, value, name: metric }],
      })),
    },
  ];
}

function auditSection({ thoughts, stages = [], task, count }: AuditResult): string {
  const evidence = (thoughts.evidence ?? []).map((sentence) => `- ${printableLine(sentence)}`);
  const rows = stages.map(({ stage, pairs, verdict }) => `| ${cell(stage)} | ${cell(verdict)} | ${cell(pairs)} |`);
  return [
    '## Are its thoughts used?',
    '',
    `**${printableLine(thoughts.verdict)}**, by an audit over ${count} questions of \`${printableLine(task)}\`, in which thoughts are exchanged, averaged, removed and replaced by noise.`,
    '',
    ...evidence,
    ...(rows.length === 0 ? [] : ['', '| stage | verdict | exchanges |', '| - | - | - |', ...rows]),
    '',
    `\`subtext eval audit --model FOLDER_OR_ID --task ${printableLine(task)} --data FILE --output FOLDER\``,
  ].join('\n');
}

/** Paths of this machine are told by their last part. */
function withoutPaths(value: unknown): unknown {
  if (typeof value === 'string') return isAbsolute(value) ? basename(value) : value;
  if (Array.isArray(value)) return value.map(withoutPaths);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutPaths(inner)]));
  return value;
}

async function configurationSection(run: string): Promise<string> {
  const path = join(run, 'configuration.json');
  if (!existsSync(path)) return '';
  const { stringify } = await import('yaml');
  const configuration = withoutPaths(await readJson<Record<string, unknown>>(path));
  return `## Its configuration

As \`configuration.yaml\`, with the data beside it, this trains the model again: \`subtext train configuration.yaml\`.

\`\`\`yaml
${stringify(configuration).trimEnd().replaceAll(/`{3,}/g, "'''")}
\`\`\``;
}
