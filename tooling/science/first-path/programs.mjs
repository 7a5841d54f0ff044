import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
export const readJson = async (path) => JSON.parse(await readFile(path, 'utf8'));
export const writeJson = (path, value) => writeFile(path, `${JSON.stringify(value, null, 1)}\n`);

/** Tells the most memory that its process held, at its end. */
const reportMemory = `data:text/javascript,${encodeURIComponent("import { writeSync } from 'node:fs'; process.on('exit', () => writeSync(2, '\\npeak ' + process.resourceUsage().maxRSS + '\\n'));")}`;

/** Runs a program and waits for it: its exit code, its output, and of a program of Node the most megabytes that it held. */
export function run(program, words, { node = true } = {}) {
  return new Promise((settle, fail) => {
    const child = spawn(
      node ? process.execPath : program,
      node ? ['--import', reportMemory, join(root, program), ...words] : words,
      { stdio: ['ignore', 'pipe', 'pipe'], cwd: root, env: { ...process.env, HF_HUB_OFFLINE: '1', NO_COLOR: '1' } },
    );
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data) => (stdout += data));
    child.stderr.on('data', (data) => (stderr += data));
    child.on('error', fail);
    child.on('close', (code) =>
      settle({
        code,
        stdout,
        stderr: stderr.replace(/\npeak \d+\n/g, ''),
        peak: Number(/\npeak (\d+)\n/.exec(stderr)?.[1]) / 1024,
      }),
    );
  });
}

/** A command of `subtext` or `subtext-eval`; one that fails throws. */
export async function subtext(program, ...words) {
  const result = await run(`apps/${program === 'subtext' ? 'cli' : 'eval'}/bin/${program}.js`, words);
  if (result.code !== 0)
    throw new Error(`${program} ${words.join(' ')} ended with ${result.code}: ${result.stderr.trim()}`);
  return result;
}

/** The JSON objects of a command's output. */
export const events = ({ stdout }) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

/** Trains a configuration in `output`; gives the last loss, seconds and the most megabytes. */
export async function train({ configuration, path, output }) {
  await writeJson(path, configuration);
  const { peak } = await subtext('subtext', 'train', path, '--json');
  const { seconds, processorSeconds } = await readJson(join(output, 'finished.json'));
  const { answerLoss, reasonerLoss, loss } = (await readFile(join(output, 'log.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .findLast((line) => line.loss !== undefined);
  return {
    loss: Number((reasonerLoss ?? answerLoss ?? loss).toFixed(4)),
    seconds: Math.round(seconds * 10) / 10,
    processorSeconds: Math.round(processorSeconds * 10) / 10,
    peakMegabytes: Math.round(peak),
  };
}

const questions = (path) => ['--format', 'coconut-json', '--score', 'exact', '--data', path, '--engine', 'wasm'];

/** The share of questions that a reasoner answers right, by `subtext-eval run`. */
export async function evaluate({ reasoner, path, output, limit }) {
  const evaluated = await subtext(
    'subtext-eval',
    'run',
    '--model',
    reasoner,
    ...questions(path),
    '--output',
    output,
    '--json',
    ...(limit ? ['--limit', String(limit)] : []),
  );
  const { results } = events(evaluated).find(({ event }) => event === 'results');
  const [scores] = Object.values(results);
  return Object.entries(scores).find(([key]) => key.startsWith('exact_match,'))[1];
}

/** Whether the thoughts are used, by `subtext-eval audit`. */
export async function audit({ reasoner, path, output, limit }) {
  const audited = subtext(
    'subtext-eval',
    'audit',
    '--model',
    reasoner,
    ...questions(path),
    '--limit',
    String(limit),
    '--output',
    output,
    '--no-probes',
  );
  try {
    await audited;
  } catch (error) {
    // A model that decides to think nothing, as `adaptive` may.
    if (!error.message.includes('No example has a thought')) throw error;
    return { verdict: 'thinks no thought', certain: true, questions: limit, accuracy: null, another: null };
  }
  const { thoughts } = await readJson(join(output, 'audit.json'));
  if (!thoughts) return null;
  const { verdict, certain, accuracy, interventions } = thoughts;
  const another = interventions.find(({ kind }) => kind === 'another')?.effect?.accuracy.value;
  return { verdict, certain, questions: limit, accuracy: accuracy.value, another: another ?? null };
}

/** A question answered by `subtext think`: how many thoughts there were, and how many came with words. */
export async function think({ reasoner, question, explain }) {
  const answered = await subtext(
    'subtext',
    'think',
    '--model',
    reasoner,
    question,
    '--engine',
    'wasm',
    '--json',
    ...(explain ? ['--explain'] : []),
  );
  const answer = events(answered).at(-1);
  return {
    thoughts: answer.thoughts.length,
    ...(explain && { explained: Object.keys(answer.explanations ?? {}).length }),
  };
}
