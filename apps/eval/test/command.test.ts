import type { ModelProbes } from '@subtext/eval';
import { useEngine } from '@subtext/tensor';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// Sources of another workspace: a model that is trained in seconds, for tests only.
import { randomExplainer, toyExamples, trainToyReasoner } from '../../../packages/eval/test/toy-reasoner';

const command = fileURLToPath(new URL('../bin/subtext-eval.js', import.meta.url));
const built = existsSync(new URL('../dist/main.js', import.meta.url));

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);

/** Runs the command as a user does. */
async function subtextEval(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [command, ...words], {
      maxBuffer: 2 ** 26,
      cwd: folder,
      env: { ...process.env, HF_HUB_OFFLINE: '1' },
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

const events = (stdout: string) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown> & { event: string });

beforeAll(async () => {
  if (!built) throw new Error('These tests run the built command; build it first: npx turbo run build.');
  folder = await mkdtemp(join(tmpdir(), 'subtext-eval-'));
  await useEngine({ engine: 'wasm' });
  for (const [name, reasoner] of [
    ['heima', trainToyReasoner({ sight: 'thought' })],
    ['looking', trainToyReasoner({ sight: 'question' })],
    ['no-cot', trainToyReasoner({ method: { name: 'no-cot' } })],
    ['cot', trainToyReasoner({ method: { name: 'cot' } })],
  ] as const) {
    await reasoner.save({ folder: at(name) });
    if (name === 'heima') {
      const explainer = randomExplainer({ reasoner });
      for (const parent of ['interpreters', 'blind-interpreters'])
        await explainer.save({ folder: at(name, parent, 'random') });
      explainer.dispose();
    }
    reasoner.dispose();
  }
  // The toy's examples as GSM8K writes its own.
  const lines = toyExamples({ count: 40, seed: 9 }).map(({ question, steps, answer }) =>
    JSON.stringify({ question, answer: `${steps[0]!.text}\n#### ${answer}` }),
  );
  await writeFile(at('data.jsonl'), `${lines.join('\n')}\n`);
  await writeFile(at('words.jsonl'), `${JSON.stringify({ question: 'q', answer: '#### so it is' })}\n`);
  await writeFile(at('broken.jsonl'), '{"question": "a"}\n');
}, 120_000);
afterAll(async () => {
  if (folder) await rm(folder, { recursive: true, force: true });
});

describe('subtext-eval', () => {
  it('lists the tasks', async () => {
    const { code, stdout } = await subtextEval('list', '--json');
    expect(code).toBe(0);
    const names = events(stdout).map(({ name }) => name);
    expect(names).toContain('prosqa');
    expect(names).toContain('hallusionbench');
    expect((await subtextEval('list')).stdout).toMatch(/mm-vet[^]*needs --judge-url/);
  });

  it('names the words of questions that the model does not know', async () => {
    await writeFile(
      at('zoo.jsonl'),
      [
        ['the gnu has 3', 3],
        ['the ant has 5', 5],
        ['the yak has 7', 7],
      ]
        .map(([question, answer]) => JSON.stringify({ question, answer: `its number is ${answer}\n#### ${answer}` }))
        .join('\n'),
    );
    const words = [
      'run',
      '--format',
      'gsm8k',
      '--score',
      'numeric',
      '--data',
      at('zoo.jsonl'),
      '--engine',
      'wasm',
      '--model',
      at('heima'),
    ];
    const [json, told] = await Promise.all([
      subtextEval(...words, '--json', '--output', at('runs', 'zoo')),
      subtextEval(...words, '--output', at('runs', 'zoo-told')),
    ]);
    expect(events(json.stdout).find(({ event }) => event === 'unknown-words')).toMatchObject({
      questions: 2,
      of: 3,
      words: ['gnu', 'yak'],
    });
    expect(told.stdout + told.stderr).toMatch(/Warning: 2 of 3 questions .*does not know: gnu, yak\./);
  });

  it('measures no uncertainty without a true distribution', async () => {
    const words = [
      'uncertainty',
      '--model',
      at('heima'),
      '--format',
      'gsm8k',
      '--score',
      'numeric',
      '--engine',
      'wasm',
    ];
    const { code, stderr } = await subtextEval(...words, '--data', at('data.jsonl'), '--test', at('data.jsonl'));
    expect(code).toBe(1);
    expect(stderr).toMatch(/No record has the field "posterior"/);
    expect((await subtextEval('uncertainty', '--help')).stdout).toMatch(/--posterior <field>[^]*red=2,\s+green=1/);
  });

  it('runs, goes on where it was, and compares', async () => {
    const words = ['run', '--task', 'gsm8k', '--data', at('data.jsonl'), '--engine', 'wasm', '--json'];
    const first = await subtextEval(...words, '--model', at('heima'), '--output', at('runs', 'heima'));
    expect(first.stderr).toBe('');
    const results = events(first.stdout).find(({ event }) => event === 'results') as unknown as {
      results: Record<string, Record<string, number>>;
    };
    expect(results.results.gsm8k!['exact_match,final-answer']).toBeGreaterThan(0.9);
    expect(results.results.gsm8k!['thoughts,final-answer']).toBe(1);

    const written = JSON.parse(
      await readFile(
        at(
          'runs',
          'heima',
          (await readdir(at('runs', 'heima'))).find((name) => name.startsWith('results_'))!,
        ),
        'utf8',
      ),
    ) as { config: Record<string, unknown> };
    expect(written.config).toMatchObject({
      engine: 'wasm',
      engine_device: expect.stringMatching(/WebAssembly|wasm|threads/i) as string,
      processors: expect.any(Number) as number,
      processor: expect.any(String) as string,
    });

    // A broken run: half of the samples, the last line torn.
    const names = await readdir(at('runs', 'heima'));
    expect(names.filter((name) => /^results_.*\.json$/.test(name))).toHaveLength(1);
    const samples = at(
      'runs',
      'heima',
      names.find((name) => name.startsWith('samples_gsm8k_'))!,
    );
    const whole = (await readFile(samples, 'utf8')).trimEnd().split('\n');
    expect(whole).toHaveLength(40);
    await writeFile(samples, `${whole.slice(0, 20).join('\n')}\n${whole[20]!.slice(0, 50)}`);
    const second = await subtextEval(...words, '--model', at('heima'), '--output', at('runs', 'heima'));
    expect(events(second.stdout)[0]).toMatchObject({ event: 'resumed' });
    const timeless = (lines: readonly string[]) =>
      lines.map((line) => ({ ...(JSON.parse(line) as object), seconds: 0 }));
    expect(timeless((await readFile(samples, 'utf8')).trimEnd().split('\n'))).toEqual(timeless(whole));
    expect(await readFile(at('runs', 'heima', 'report.html'), 'utf8')).toMatch(/^<!doctype html>/);

    await subtextEval(...words, '--model', at('no-cot'), '--output', at('runs', 'no-cot'), '--limit', '40');
    const compared = await subtextEval(
      'compare',
      at('runs', 'heima'),
      at('runs', 'no-cot'),
      '--output',
      at('comparison'),
    );
    expect(compared.stdout).toMatch(/do not differ significantly|is better than/);
    expect(await readFile(at('comparison', 'comparison.md'), 'utf8')).toContain('| run | score |');
    expect(await readFile(at('comparison', 'comparison.html'), 'utf8')).toContain('Pairs of runs');

    // Methods by their seeds; copies stand for models of another seed.
    for (const name of ['heima', 'no-cot']) await cp(at('runs', name), at('runs', `${name}-2`), { recursive: true });
    const methods = await subtextEval(
      'compare',
      at('runs', 'heima'),
      at('runs', 'heima-2'),
      '--against',
      at('runs', 'no-cot'),
      at('runs', 'no-cot-2'),
      '--output',
      at('methods'),
    );
    expect(methods).toMatchObject({ stderr: '' });
    expect(methods.stdout).toMatch(/over 2 seeds \(paired t-test p/);
    expect(JSON.parse(await readFile(at('methods', 'comparison.json'), 'utf8'))).toMatchObject([
      { task: 'gsm8k', result: { comparison: { seeds: 2 }, samples: 40 } },
    ]);
    expect(await readFile(at('methods', 'comparison.html'), 'utf8')).toContain('Scores by seed');
    const uneven = await subtextEval(
      'compare',
      at('runs', 'heima'),
      at('runs', 'heima-2'),
      '--against',
      at('runs', 'no-cot'),
    );
    expect(uneven.stderr).toMatch(/2 runs of one method and 1 of the other/);
  }, 120_000);

  it('asks and audits one’s own data by its format, and refuses what does not fit before anything runs', async () => {
    const own = [
      '--format',
      'gsm8k',
      '--score',
      'numeric',
      '--data',
      at('data.jsonl'),
      '--model',
      at('heima'),
      '--engine',
      'wasm',
      '--json',
    ];
    const run = await subtextEval('run', ...own, '--output', at('runs', 'own'));
    expect(run.stderr).toBe('');
    const { results } = events(run.stdout).find(({ event }) => event === 'results') as unknown as {
      results: Record<string, Record<string, number>>;
    };
    expect(results['gsm8k-numeric']!['exact_match,final-answer']).toBeGreaterThan(0.9);
    expect(Object.keys(results['gsm8k-numeric']!)).toContain('exact_match,strict-match');
    const audit = await subtextEval(
      'audit',
      ...own,
      '--limit',
      '20',
      '--floor',
      '0.3',
      '--no-probes',
      '--output',
      at('audit-own'),
    );
    expect(events(audit.stdout).at(-1)).toMatchObject({ event: 'audit', task: 'gsm8k-numeric', count: 20 });
    for (const [words, message] of [
      [['--format', 'gsm8k', '--data', at('data.jsonl')], /needs both --format and --score/],
      [['--format', 'csv', '--score', 'exact', '--data', at('data.jsonl')], /There is no data format "csv"/],
      [['--task', 'gsm8k', '--score', 'exact', '--data', at('data.jsonl')], /leave out --score/],
      [['--format', 'gsm8k', '--score', 'facts', '--data', at('words.jsonl')], /--score facts does not fit this data/],
      [[], /--task NAME.*--format FORMAT/],
    ] as const) {
      const refused = await subtextEval('run', ...words, '--model', at('heima'), '--output', at('runs', 'refused'));
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(message);
    }
  }, 120_000);

  it('draws with seeds', async () => {
    const words = [
      'run',
      '--model',
      at('heima'),
      '--task',
      'gsm8k',
      '--data',
      at('data.jsonl'),
      '--engine',
      'wasm',
      '--limit',
      '4',
      '--json',
    ];
    const drawn = await subtextEval(...words, '--output', at('runs', 'drawn'), '--temperature', '1', '--seeds', '1,2');
    expect(events(drawn.stdout).at(-1)).toMatchObject({ event: 'seeds', summary: [{ task: 'gsm8k', seeds: [1, 2] }] });
    const refused = await subtextEval(...words, '--output', at('runs', 'greedy'), '--seeds', '1,2');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/^Error: Several seeds give the same run .*--temperature/);
  }, 60_000);

  it('finds a direction among thoughts and answers with it added', async () => {
    const model = ['--model', at('heima'), '--task', 'gsm8k', '--data', at('data.jsonl'), '--engine', 'wasm'];
    const path = at('three.safetensors');
    const words = ['direction', ...model, '--stage', 'step_1', '--to', '3', '--from', '7', '--output', path];
    const made = await subtextEval(...words, '--json');
    expect(made.stderr).toBe('');
    expect(events(made.stdout).at(-1)).toMatchObject({
      event: 'direction',
      stage: 'step_1',
      source: 'difference of means: answer 3, not 7',
    });
    const answers = async (name: string, ...options: string[]) => {
      const run = await subtextEval('run', ...model, '--output', at('runs', name), ...options, '--json');
      expect(run.stderr).toBe('');
      const file = (await readdir(at('runs', name))).find((one) => one.startsWith('samples_'))!;
      const samples = (await readFile(at('runs', name, file), 'utf8')).trim().split('\n');
      return samples.map((line) => JSON.parse(line) as { target: string; filtered_resps: (string | null)[] });
    };
    const sevens = (await answers('steered', '--steer', path)).filter(({ target }) => target === '7');
    expect(sevens.length).toBeGreaterThan(3);
    expect(sevens.filter(({ filtered_resps: [said] }) => said === '3').length).toBeGreaterThan(0.8 * sevens.length);
    const other = await subtextEval(
      'run',
      ...model,
      '--output',
      at('runs', 'steered'),
      '--steer',
      path,
      '--strength=-1',
    );
    expect(other.stderr).toMatch(/^Error: .*another/);
    for (const [options, message] of [
      [['--stage', 'caption', '--to', '3'], /^Error: The reasoner has no stage "caption". Take one of: step_1/],
      [['--stage', 'step_1', '--to', '4'], /^Error: Of answer, 0 of 40 examples have the value "4".*3, 5, 7, 9/],
      [['--stage', 'step_1', '--to', '3', '--fact', 'mood'], /^Error: The 40 examples tell no fact "mood"/],
    ] as const) {
      const refused = await subtextEval('direction', ...model, ...options, '--output', at('x.safetensors'));
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(message);
    }
    const alone = await subtextEval('run', ...model, '--output', at('x'), '--strength', '2');
    expect(alone.stderr).toMatch(/^Error: --strength and --stage say how a direction is added; give one with --steer/);
  }, 120_000);

  it('audits thoughts and interpreters, with retained information, and goes on after a break', async () => {
    const words = [
      'audit',
      '--model',
      at('heima'),
      '--task',
      'gsm8k',
      '--data',
      at('data.jsonl'),
      '--engine',
      'wasm',
      '--floor',
      '0.3',
      '--no-cot',
      at('no-cot'),
      '--cot',
      at('cot'),
      '--control',
      at('looking'),
      '--output',
      at('audit'),
      '--json',
    ];
    const first = await subtextEval(...words);
    expect(first.stderr).toBe('');
    const audit = events(first.stdout).at(-1) as unknown as {
      event: string;
      thoughts: { verdict: string };
      retained: { hidden: number };
    };
    expect(audit).toMatchObject({
      event: 'audit',
      thoughts: { verdict: 'used' },
      stages: [{ stage: 'step_1', verdict: 'used', truthKnown: false }],
      gradients: [{ source: 'question', reachable: true }],
      interpreters: [{ audit: { verdict: 'guesses from the question' } }],
      control: { thoughts: { verdict: 'not used' }, stages: [{ stage: 'step_1', verdict: 'not used' }] },
    });
    expect(audit.retained.hidden).toBeGreaterThan(0);
    const report = await readFile(at('audit', 'report.html'), 'utf8');
    expect(report).toContain('Are the thoughts used?');
    expect(report).toContain('Stages swapped');
    expect(report).toContain('step_1 (control)');
    expect(report).toContain('markers only');
    expect(report).toContain('by a blind interpreter');
    expect(report).toContain('Logit lens');
    expect(report).not.toMatch(/undefined|NaN|\[object/);
    const before = await readFile(at('audit', 'audit.json'), 'utf8');
    const kept = (await readdir(at('audit', 'runs'))).find((name) => name.startsWith('thoughts-zeros'))!;
    await rm(at('audit', 'runs', kept));
    const second = await subtextEval(...words);
    expect(events(second.stdout).some(({ event }) => event === 'resumed')).toBe(true);
    expect(await readFile(at('audit', 'audit.json'), 'utf8')).toBe(before);
  }, 180_000);

  it('probes thoughts beside their baselines, by fact and seed, and writes what it found', async () => {
    const words = ['--task', 'gsm8k', '--data', at('data.jsonl'), '--engine', 'wasm', '--model', at('heima')];
    const { code, stdout, stderr } = await subtextEval(
      'probe',
      ...words,
      ...['--label', 'answer', '--seeds', '1,2', '--output', at('probes'), '--json'],
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const probe = events(stdout).at(-1) as unknown as ModelProbes & { event: string };
    expect(probe).toMatchObject({ event: 'probe', task: 'gsm8k', seeds: [1, 2], count: 40, left: [] });
    const [{ fact, comparison }] = probe.facts as [ModelProbes['facts'][0]];
    expect(fact).toBe('answer');
    // The number is the question's last word: whatever the thought holds of it, the question does too.
    expect(comparison.verdict).not.toBe('read from the thought');
    expect(comparison.baselines.map(({ name }) => name)).toEqual([
      'commonest label',
      'shuffled labels',
      'control task',
      'untrained model 1',
      'untrained model 2',
      'question, last positions',
      'question, mean',
    ]);
    expect(comparison.bySeed).toHaveLength(2);
    const { event: _, report: __, ...written } = probe as unknown as Record<string, unknown>;
    expect(JSON.parse(await readFile(at('probes', 'probe.json'), 'utf8'))).toEqual(written);
    expect(await readFile(at('probes', 'report.html'), 'utf8')).not.toMatch(/undefined|NaN|\[object/);
    const told = await subtextEval('probe', ...words, '--limit', '32');
    expect(told.stdout).toMatch(/answer in the thoughts of step_1: (no better than a baseline|cannot tell) \(/);
    expect(told.stdout).toMatch(/\| stage → fact \| verdict \| thought \| commonest label \|/);
  }, 120_000);

  it.each([
    [
      'an unknown task',
      ['run', '--model', 'heima', '--task', 'riddles', '--data', 'data.jsonl', '--output', 'x'],
      /There is no task "riddles"; choose from prosqa/,
    ],
    ['no data', ['run', '--model', 'heima', '--task', 'gsm8k', '--output', 'x'], /Task "gsm8k" needs --data PATH/],
    [
      'data for none of several tasks',
      ['run', '--model', 'heima', '--task', 'gsm8k,prosqa', '--data', 'data.jsonl', '--output', 'x'],
      /write --data NAME=PATH for each/,
    ],
    [
      'data that is not there',
      ['run', '--model', 'heima', '--task', 'gsm8k', '--data', 'missing.jsonl', '--output', 'x'],
      /missing\.jsonl/,
    ],
    [
      'a wrong column',
      ['run', '--model', 'heima', '--task', 'gsm8k', '--data', 'broken.jsonl', '--output', 'x'],
      /no example in .*broken\.jsonl.*line 1/,
    ],
    [
      'no model',
      ['run', '--model', './nowhere', '--task', 'gsm8k', '--data', 'data.jsonl', '--output', 'x'],
      /nowhere: there is no such folder/,
    ],
    [
      'an id that is not in the cache, without the hub',
      ['run', '--model', 'nobody/nothing', '--task', 'gsm8k', '--data', 'data.jsonl', '--output', 'x'],
      /HF_HUB_OFFLINE is set.*models--nobody--nothing/,
    ],
    [
      'a fact that the data does not have',
      ['probe', '--model', 'heima', '--task', 'gsm8k', '--data', 'data.jsonl', '--label', 'mood', '--engine', 'wasm'],
      /no fact "mood".*choose from: answer/,
    ],
    [
      'probes of a model without thoughts',
      ['probe', '--model', 'no-cot', '--task', 'gsm8k', '--data', 'data.jsonl', '--engine', 'wasm'],
      /No example has a thought/,
    ],
    ['one run', ['compare', 'runs/heima'], /two or more runs/],
    ['a folder that is no run', ['compare', 'heima', 'no-cot'], /contains no results_<date>\.json/],
    [
      'half of the retained information',
      ['audit', '--model', 'heima', '--task', 'gsm8k', '--data', 'data.jsonl', '--output', 'x', '--cot', 'cot'],
      /needs both --no-cot and --cot/,
    ],
    [
      'an audit of a judged task',
      ['audit', '--model', 'heima', '--task', 'mm-vet', '--data', 'data.jsonl', '--output', 'x'],
      /scored by a judge/,
    ],
    [
      'a model without thoughts',
      ['audit', '--model', 'no-cot', '--task', 'gsm8k', '--data', 'data.jsonl', '--output', 'x', '--engine', 'wasm'],
      /No example has a thought/,
    ],
    [
      'a limit of none',
      ['run', '--model', 'heima', '--task', 'gsm8k', '--output', 'x', '--limit', '0'],
      /a whole number above 0 is needed/,
    ],
  ])(
    'refuses %s in one line',
    async (_, words, message) => {
      const { code, stderr } = await subtextEval(...words);
      expect(code).toBe(1);
      expect(stderr).toMatch(message);
      expect(stderr).not.toContain('fault of Subtext');
    },
    60_000,
  );
});
