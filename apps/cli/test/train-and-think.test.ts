import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startHub } from './hub-server';
import { subtext, type CommandResult } from './run-command';
import { writeConfigurations } from './tiny-run';

let folder: string;
let trained: CommandResult;
const run = (...args: string[]) => subtext(args, { folder });
const errorsOf = ({ stderr }: CommandResult) => stderr.split('\n').filter((line) => line.startsWith('Error: ')).length;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-cli-'));
  await writeConfigurations(folder);
  const made = await run('data', 'generate', 'scenes', 'data', '--train', '40', '--test', '4', '--seed', '7', '--json');
  expect(made.stderr).toBe('');
  expect(made.code).toBe(0);
  const blind = run('train', 'blind.yaml', '--json');
  trained = await run('train', 'tiny.yaml', '--json');
  expect((await blind).code).toBe(0);
}, 90_000);
afterAll(async () => rm(folder, { recursive: true, force: true }));

/** One digest over the weights of a run. */
async function digestOf(output: string): Promise<string> {
  const hash = createHash('sha256');
  for (const model of ['reasoner', 'reasoner/interpreters/shared'])
    hash.update(await readFile(join(folder, output, ...model.split('/'), 'model.safetensors')));
  return hash.digest('hex');
}

describe('train', () => {
  it('trains through every phase and leaves a Hugging Face folder with an interpreter', async () => {
    expect(trained).toMatchObject({ code: 0, stderr: '' });
    expect(trained.events.at(-1)).toMatchObject({
      event: 'finished',
      status: 'finished',
      reasoner: join('run', 'reasoner'),
    });
    const files = await readdir(join(folder, 'run', 'reasoner'));
    expect(files).toEqual(
      expect.arrayContaining([
        'config.json',
        'model.safetensors',
        'tokenizer.json',
        'subtext.json',
        'preprocessor_config.json',
        'interpreters',
      ]),
    );
    expect(JSON.parse(await readFile(join(folder, 'run', 'configuration.json'), 'utf8'))).toMatchObject({
      seed: 3,
      training: { clipNorm: 1 },
    });
    const log = (await readFile(join(folder, 'run', 'log.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { step: number; loss: number });
    expect(log.at(-1)!.step).toBe(12 + 3 * 4 + 4);
    expect(log.every(({ loss }) => Number.isFinite(loss))).toBe(true);
    const finished = JSON.parse(await readFile(join(folder, 'run', 'finished.json'), 'utf8')) as {
      steps: number;
      processorSeconds: number;
    };
    expect(finished.steps).toBe(log.at(-1)!.step);
    expect(finished.processorSeconds).toBeGreaterThan(0);
  });

  it('stops at Ctrl-C, goes on, and ends at the bytes of an undisturbed run', async () => {
    let interrupted = false;
    const stopped = await subtext(['train', 'tiny.yaml', 'output=again', '--json'], {
      folder,
      onOutput: (output, interrupt) => {
        if (interrupted || !output.includes('"progress"')) return;
        interrupted = true;
        interrupt();
      },
    });
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toMatch(/Stopping after this step/);
    expect(stopped.stdout).toMatch(/Stopped at step \d+.*Start the same command again/);
    expect(existsSync(join(folder, 'again', 'reasoner'))).toBe(false);
    const resumed = await run('train', 'tiny.yaml', 'output=again', '--json');
    expect(resumed.code).toBe(0);
    expect(resumed.stdout).toMatch(/Resuming at step \d+ of 28/);
    expect(await digestOf('again')).toBe(await digestOf('run'));
  });

  it('does not train a finished run again', async () => {
    const before = await digestOf('run');
    const { code, events } = await run('train', 'tiny.yaml', '--json');
    expect(code).toBe(0);
    expect(events.some(({ event }) => event === 'progress')).toBe(false);
    expect(await digestOf('run')).toBe(before);
  });

  it('reports all faults of a configuration at once, with line and nearest key', async () => {
    await writeFile(
      join(folder, 'faulty.yaml'),
      'output: faulty\ndata: { format: scenes, train: data/train.jsonl }\nmodel: { new: {} }\nmethod: { name: no-cot }\ntraining:\n  batchsize: 4\n  learningRate: -1\n  shards: 0\nsede: 3\n',
    );
    const { code, stderr } = await run('train', 'faulty.yaml', 'engine=fast');
    expect(code).toBe(1);
    expect(stderr).toContain('5 faults');
    expect(stderr).toMatch(/faulty\.yaml:6:3: unknown key "training\.batchsize"; did you mean "batchSize"\?/);
    expect(stderr).toMatch(/faulty\.yaml:7:3: training\.learningRate/);
    expect(stderr).toMatch(/faulty\.yaml:8:3: training\.shards/);
    expect(stderr).toMatch(/faulty\.yaml:9:1: unknown key "sede"; did you mean "seed"\?/);
    expect(stderr).toMatch(/command line: engine/);
    expect(existsSync(join(folder, 'faulty'))).toBe(false);
  });

  it('refuses to train on what it will be tested on, unless told to', async () => {
    const [refused, told] = await Promise.all([
      run('train', 'blind.yaml', 'output=overlapping', 'data.evaluation=[data/test.jsonl, data/train.jsonl]'),
      run('train', 'blind.yaml', 'output=told', 'data.evaluation=data/train.jsonl', 'data.overlap=report', '--json'),
    ]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/^Error: 40 of the 40 examples of data\/train\.jsonl stand in the training set/);
    expect(existsSync(join(folder, 'overlapping'))).toBe(false);
    expect(told.code).toBe(0);
    expect(told.events).toContainEqual(expect.objectContaining({ event: 'overlap', shared: 40 }));
    expect(JSON.parse(await readFile(join(folder, 'told', 'data.json'), 'utf8'))).toMatchObject({
      train: { records: 40, examples: 40, dropped: 0 },
      overlap: [{ shared: 40, examples: 40 }],
    });
  });

  it('leaves a stated share of faulty records out, counted; pictures that are none are among them', async () => {
    await cp(join(folder, 'data'), join(folder, 'holed-data'), { recursive: true });
    const file = join(folder, 'holed-data', 'train.jsonl');
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    const outside = JSON.parse(lines[2]!) as { image: string };
    await writeFile(join(folder, 'holed-data', (JSON.parse(lines[0]!) as { image: string }).image), 'not a picture');
    await writeFile(
      file,
      [lines[0], 'not json', JSON.stringify({ ...outside, image: '../tiny.yaml' }), ...lines.slice(3)].join('\n'),
    );
    const [strict, little, enough] = await Promise.all([
      run('train', 'tiny.yaml', 'output=holed', 'data.train=holed-data/train.jsonl'),
      run('train', 'tiny.yaml', 'output=holed', 'data.train=holed-data/train.jsonl', 'data.faults=0.05'),
      run(
        'train',
        'tiny.yaml',
        'output=enough',
        'data.train=holed-data/train.jsonl',
        'data.faults=0.1',
        'training={ batchSize: 4, text: { steps: 1 }, encode: { steps: 1 }, recover: { steps: 1 } }',
        '--json',
      ),
    ]);
    expect(strict.code).toBe(1);
    expect(strict.stderr).toMatch(
      /3 faults in 40 records[^]*train\.jsonl:2: [^]*train\.jsonl:3: .*leads out of the data folder[^]*no image of a known format/,
    );
    expect(little).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/3 of 40 records .* are faulty, more than the share of 0\.05/),
    });
    expect([strict, little].map(errorsOf)).toEqual([1, 1]);
    expect(existsSync(join(folder, 'holed'))).toBe(false);
    expect({ code: enough.code, stderr: enough.stderr }).toEqual({ code: 0, stderr: '' });
    expect(enough.events).toContainEqual(
      expect.objectContaining({
        event: 'skipped',
        dropped: 3,
        records: 40,
        faults: { 'json-malformed': 1, 'image-outside-folder': 1, 'image-broken': 1 },
      }),
    );
  });

  it('names the line of faulty data, and writes nothing', async () => {
    const lines = (await readFile(join(folder, 'data', 'train.jsonl'), 'utf8')).split('\n');
    await cp(join(folder, 'data'), join(folder, 'broken-data'), { recursive: true });
    await writeFile(
      join(folder, 'broken-data', 'train.jsonl'),
      [lines[0], '{"id": "x", "conversations"', ...lines.slice(1)].join('\n'),
    );
    const [faulty, missing] = await Promise.all([
      run('train', 'tiny.yaml', 'output=none', 'data.train=broken-data/train.jsonl'),
      run('train', 'tiny.yaml', 'output=none', 'data.train=nowhere.jsonl'),
    ]);
    expect(faulty.code).toBe(1);
    expect(faulty.stderr).toMatch(/train\.jsonl:2: /);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(/nowhere/);
    expect([faulty, missing].map(errorsOf)).toEqual([1, 1]);
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });
});

describe('think', () => {
  const picture = () => join('data', 'images', 'test', '000001.png');
  const ask = (...args: string[]) => run('think', '--model', join('run', 'reasoner'), ...args);

  it('answers about a picture, with counts and thoughts in words', async () => {
    const { code, stderr, events } = await ask('--image', picture(), '--explain', '--json', 'what shape is there ?');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      event: 'answer',
      tokens: { generated: expect.any(Number), withoutTags: expect.any(Number), thinking: expect.any(Number) },
      seconds: expect.any(Number),
    });
    const { thoughts, explanations } = events[0] as unknown as {
      thoughts: { stage: string }[];
      explanations: Record<string, string>;
    };
    for (const { stage } of thoughts) expect(typeof explanations[stage]).toBe('string');
  });

  it('answers without a picture, in lines for people', async () => {
    const { code, stdout } = await run('think', '--model', join('blind', 'reasoner'), 'what shape is there ?');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Answer: /);
    expect(stdout).toMatch(/\d+ tokens, \d+ without tags, 0 of them thinking tokens; \d+ ms/);
  });

  it('prints what the model wrote and nothing else with --raw, to a pipe byte for byte', async () => {
    // No word that the model could write: one of them gets another name below.
    const question = 'zebra';
    const asking = (model: string, ...args: string[]) => run('think', '--model', model, question, ...args);
    const [told] = (await asking(join('blind', 'reasoner'), '--json')).events as [{ text: string }];
    expect(told.text).not.toBe('');
    expect(await asking(join('blind', 'reasoner'), '--raw')).toMatchObject({
      code: 0,
      stdout: `${told.text}\n`,
      stderr: expect.stringMatching(/^Warning: the model does not know the word zebra/),
    });
    // A token that it writes gets a terminal's command in its name.
    await cp(join(folder, 'blind', 'reasoner'), join(folder, 'hostile'), { recursive: true });
    const [word] = told.text.match(/\S+/) as [string];
    for (const name of ['tokenizer.json', 'subtext.json']) {
      const path = join(folder, 'hostile', name);
      const text = await readFile(path, 'utf8');
      await writeFile(path, text.replaceAll(JSON.stringify(word), JSON.stringify(`\u001b]0;${word}`)));
    }
    const [raw, escaped, both] = await Promise.all([
      asking('hostile', '--raw'),
      asking('hostile'),
      asking('hostile', '--raw', '--json'),
    ]);
    expect(raw.stdout).toContain(`\u001b]0;${word}`);
    expect(escaped.stdout).toContain(`\\u001b]0;${word}`);
    expect(escaped.stdout).not.toContain('\u001b');
    expect(both).toMatchObject({ code: 1, stderr: expect.stringMatching(/--raw prints only the model's output/) });
  });

  it('names the words of a question that the model does not know', async () => {
    const ask = (...args: string[]) => run('think', '--model', join('blind', 'reasoner'), ...args);
    const [told, json, known] = await Promise.all([
      ask('what zebra is there , zebra or gnu ?'),
      ask('--json', 'what zebra is there ?'),
      ask('what shape is there ?'),
    ]);
    expect(told.stdout + told.stderr).toMatch(
      /Warning: the model does not know the words zebra, .*gnu: it reads them as unknown, and answers as if something else had been said\./,
    );
    expect(json.events[0]).toMatchObject({ unknownWords: ['zebra'] });
    expect(known.stdout + known.stderr).not.toMatch(/does not know/);
  });

  it('names what is wrong with a question: one error, exit code 1', async () => {
    await writeFile(join(folder, 'broken.png'), Buffer.from('89504e470d0a1a0a00000000', 'hex'));
    await cp(join(folder, 'run', 'reasoner'), join(folder, 'halved'), { recursive: true });
    await rm(join(folder, 'halved', 'model.safetensors'));
    const question = 'what shape is there ?';
    const cases: [string, string[], RegExp][] = [
      ['a missing picture', ['--model', join('run', 'reasoner'), '--image', 'nowhere.png', question], /nowhere\.png/],
      ['a broken picture', ['--model', join('run', 'reasoner'), '--image', 'broken.png', question], /broken\.png/],
      [
        'a picture for a model without a vision encoder',
        ['--model', join('blind', 'reasoner'), '--image', picture(), question],
        /has no vision encoder/,
      ],
      [
        'a question over the context',
        ['--model', join('blind', 'reasoner'), `${'shape '.repeat(300)}?`],
        /room for 192/,
      ],
      ['a folder without weights', ['--model', 'halved', question], /halved/],
      ['a folder that is no model', ['--model', 'data', question], /not a reasoner's folder/],
      [
        'thoughts of a model without interpreters',
        ['--model', join('blind', 'reasoner'), '--explain', question],
        /no interpreters/,
      ],
      ['an engine that there is not', ['--model', join('blind', 'reasoner'), '--engine', 'abacus', question], /abacus/],
    ];
    const results = await Promise.all(cases.map(([, args]) => run('think', ...args)));
    for (const [index, [what, , message]] of cases.entries()) {
      const { code, stdout, stderr } = results[index]!;
      expect({ what, code, stdout }).toEqual({ what, code: 1, stdout: '' });
      expect(stderr, what).toMatch(message);
      expect(stderr, what).not.toMatch(/\n\s+at /);
    }
  });
});

describe('models by their id on the hub', () => {
  it('are downloaded once, answer, are trained on, and are found without the hub', async () => {
    const hub = await startHub({ 'somebody/blind': join(folder, 'blind', 'reasoner') });
    try {
      const online = { HF_ENDPOINT: hub.endpoint, HF_HOME: join(folder, 'cache'), HF_HUB_OFFLINE: '0' };
      const offline = { ...online, HF_HUB_OFFLINE: '1' };
      const ask = ['think', '--model', 'somebody/blind', '--json', 'what shape is there ?'];
      const first = await subtext(ask, { folder, environment: online });
      expect(first.code).toBe(0);
      expect(first.stderr).toMatch(/somebody\/blind: [\d.]+ of [\d.]+ MiB, (\d+) of \1 files\n$/);
      const asked = hub.requests.length;
      expect(asked).toBeGreaterThan(3);
      const [again, local, trained, missing, unknown] = await Promise.all([
        subtext(ask, { folder, environment: offline }),
        subtext(['think', '--model', join('blind', 'reasoner'), '--json', 'what shape is there ?'], {
          folder,
          environment: offline,
        }),
        subtext(
          ['train', 'blind.yaml', 'output=onwards', 'model={ from: somebody/blind }', 'method={ name: cot }', '--json'],
          { folder, environment: offline },
        ),
        subtext(['think', '--model', 'somebody/else', 'a ?'], { folder, environment: offline }),
        subtext(['generate', '--model', 'somebody/else', 'a'], { folder, environment: online }),
      ]);
      const answer = ({ events }: CommandResult) => (events[0] as { text?: string }).text;
      expect([again.code, answer(again)]).toEqual([0, answer(first)]);
      expect(answer(local)).toBe(answer(first));
      expect({ code: trained.code, stderr: trained.stderr }).toEqual({ code: 0, stderr: '' });
      expect(hub.requests.slice(asked).every((path) => path.includes('somebody/else'))).toBe(true);
      expect(missing).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(join(folder, 'cache', 'hub', 'models--somebody--else')),
      });
      expect(unknown).toMatchObject({ code: 1, stderr: expect.stringMatching(/has no model "somebody\/else"/) });
      expect([missing, unknown].map(errorsOf)).toEqual([1, 1]);
    } finally {
      await hub.close();
    }
  });
});

describe('logs', () => {
  it('go into a TensorBoard event file and to a module of the user’s own; a module that is none is refused before training', async () => {
    await writeFile(
      join(folder, 'logger.mjs'),
      `import { appendFileSync } from 'node:fs';
const write = (value) => appendFileSync('told.jsonl', JSON.stringify(value) + '\\n');
export const createLogger = () => ({ start: ({ entries }) => entries.forEach(({ step }) => write(step)), log: ({ step }) => write(step), finish: ({ status }) => write(status) });`,
    );
    const [logged, refused] = await Promise.all([
      run(
        'train',
        'blind.yaml',
        'output=logged',
        'training.logSteps=1',
        'logs={ tensorboard: true, modules: [logger.mjs] }',
        '--json',
      ),
      run('train', 'blind.yaml', 'output=refused', 'logs={ modules: [nowhere.mjs] }'),
    ]);
    expect({ code: logged.code, stderr: logged.stderr }).toEqual({ code: 0, stderr: '' });
    expect((await readFile(join(folder, 'told.jsonl'), 'utf8')).trim().split('\n')).toEqual(['1', '2', '"finished"']);
    const [name] = await readdir(join(folder, 'logged', 'tensorboard'));
    const file = await readFile(join(folder, 'logged', 'tensorboard', name!));
    expect(file.includes('brain.Event:2') && file.includes('learningRate')).toBe(true);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/nowhere\.mjs cannot be used/) });
    expect(existsSync(join(folder, 'refused'))).toBe(false);
  });
});

describe('runs', () => {
  it('lists, compares and plots', async () => {
    const [list, comparison, foreign] = await Promise.all([
      run('runs', 'run', 'blind', '--json'),
      run('runs', 'compare', 'run', 'blind', '--output', 'runs.html'),
      run('runs', 'compare', 'run', 'data'),
    ]);
    expect(list).toMatchObject({
      code: 0,
      events: [
        { event: 'run', folder: 'run', state: 'finished', method: 'heima', step: 28, seed: 3, engine: 'wasm' },
        { folder: 'blind', method: 'no-cot', step: 2 },
      ],
    });
    expect(comparison.code).toBe(0);
    expect(comparison.stdout).toMatch(/method\.name +"heima" +"no-cot"[^]*part at step[^]*● run\n +\+ blind/);
    expect(await readFile(join(folder, 'runs.html'), 'utf8')).toMatch(/^<!doctype html>[^]*What differs/);
    expect(foreign).toMatchObject({ code: 1, stderr: expect.stringMatching(/^Error: data holds no run/) });
  });
});

describe('data', () => {
  it('checks a file: counts, overlap, and faults by line', async () => {
    const [sound, overlapping, faulty] = await Promise.all([
      run(
        'data',
        'check',
        join('data', 'test.jsonl'),
        '--format',
        'scenes',
        '--against',
        join('data', 'train.jsonl'),
        '--json',
      ),
      run(
        'data',
        'check',
        join('data', 'test.jsonl'),
        '--format',
        'scenes',
        '--against',
        join('data', 'test.jsonl'),
        '--json',
      ),
      (async () => {
        const text = await readFile(join(folder, 'data', 'test.jsonl'), 'utf8');
        await writeFile(join(folder, 'data', 'faulty.jsonl'), `${text}not json\n`);
        return run('data', 'check', join('data', 'faulty.jsonl'), '--format', 'llava-cot', '--json');
      })(),
    ]);
    expect(sound).toMatchObject({ code: 0, events: [{ examples: 4, dropped: 0, pictures: 4, overlap: { count: 0 } }] });
    expect(overlapping.events).toMatchObject([{ overlap: { count: 4, share: 1 } }]);
    expect(faulty).toMatchObject({
      code: 1,
      events: [{ examples: 4, dropped: 1, first: [{ line: 5, kind: 'json-malformed' }] }],
    });
  });
});
