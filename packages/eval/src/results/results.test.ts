import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, open, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildResults, fileDate, readResults, writeResults } from './evaluation-results';
import { hashExamples, hashFolder } from './content-hash';
import { gitHash } from './git-commit';
import { RunFolder } from './run-folder';
import { openSampleFile, readSamples } from './sample-file';
import { makeSampleRecord, stableHash, type SampleRecordOptions } from './sample-record';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-eval-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const sample = (index: number, changes: Partial<SampleRecordOptions> = {}) =>
  makeSampleRecord({
    index,
    id: `s${index}`,
    document: { question: `q${index} – ünïcode\u2028`, answer: 'a' },
    target: 'a',
    prompt: `q${index}\n`,
    output: 'a',
    extracted: 'a',
    scores: { exact_match: index % 2 },
    generatedTokens: 10,
    generatedTokensWithoutTags: 6,
    thoughts: 3,
    forwardPasses: 11,
    seconds: 0.5,
    ...changes,
  });

describe('sample files', () => {
  it('keeps finished samples and goes on after them', async () => {
    const path = join(folder, 'samples.jsonl');
    const first = await openSampleFile({ path });
    await Promise.all([0, 1, 2].map((index) => first.append(sample(index))));
    await first.close();
    const second = await openSampleFile({ path });
    expect([...second.finished.keys()]).toEqual(['s0', 's1', 's2']);
    expect(second.recoveredBytes).toBe(0);
    await expect(second.append(sample(1))).rejects.toMatchObject({ code: 'invalid-option' });
    await second.append(sample(3));
    await second.close();
    expect(await readSamples({ path })).toEqual([0, 1, 2, 3].map((index) => sample(index)));
  });

  it('recovers from a line torn at any place', async () => {
    const whole = [0, 1].map((index) => `${JSON.stringify(sample(index))}\n`);
    const path = join(folder, 'samples.jsonl');
    const bytes = Buffer.from(whole.join(''));
    const start = Buffer.byteLength(whole[0] as string);
    for (let end = start; end <= bytes.length; end += end > bytes.length - 3 ? 1 : 37) {
      await writeFile(path, bytes.subarray(0, end));
      const file = await openSampleFile({ path });
      // Without its line end only, the last record is whole.
      expect(file.finished.size).toBe(end >= bytes.length - 1 ? 2 : 1);
      for (const index of [1, 2]) if (!file.finished.has(`s${index}`)) await file.append(sample(index));
      await file.close();
      expect((await readSamples({ path })).map(({ id }) => id)).toEqual(['s0', 's1', 's2']);
    }
  });

  it('names a broken line before the last, and doubled samples', async () => {
    const path = join(folder, 'samples.jsonl');
    const line = JSON.stringify(sample(0));
    await writeFile(path, `${line}\n{"torn\n${JSON.stringify(sample(1))}\n`);
    await expect(openSampleFile({ path })).rejects.toThrowError(/samples\.jsonl:2 is no such record/);
    await writeFile(path, `${line}\n${line}\n`);
    await expect(openSampleFile({ path })).rejects.toThrowError(/:2: "s0" stands in the file twice/);
    await writeFile(path, `${line}\n{"to`);
    await expect(readSamples({ path })).rejects.toThrowError(/torn/);
  });

  it.each([
    ['null', () => null],
    ['a null for a number', () => ({ ...sample(1), seconds: null })],
    ['a score that is a text', () => ({ ...sample(1), exact_match: '1' })],
    ['no outputs', () => ({ ...sample(1), resps: undefined })],
    ['outputs that are no texts', () => ({ ...sample(1), resps: [[1]] })],
    ['a metric that it inherits', () => ({ ...sample(1), metrics: ['constructor'] })],
    ['a metric that is a field', () => ({ ...sample(1), metrics: ['doc_id'] })],
    ['a document that is a list', () => ({ ...sample(1), doc: [] })],
    ['a fault of another shape', () => ({ ...sample(1), error: 'x' })],
    ['rules of another shape', () => ({ ...sample(1), filters: { strict: true } })],
  ])('refuses a line with %s', async (_, line) => {
    const path = join(folder, 'samples.jsonl');
    await writeFile(path, `${JSON.stringify(line())}\n${JSON.stringify(sample(2))}\n`);
    await expect(readSamples({ path })).rejects.toThrowError(/samples\.jsonl:1 is no such record/);
  });

  it('refuses deep nesting, bytes that are no text, and what is no file', async () => {
    const path = join(folder, 'samples.jsonl');
    await writeFile(path, `{"id":${'['.repeat(50_000)}\n${JSON.stringify(sample(2))}\n`);
    await expect(readSamples({ path })).rejects.toMatchObject({ code: 'invalid-result-file' });
    await writeFile(
      path,
      Buffer.concat([Buffer.from([0x22, 0xff, 0xfe, 0x0a]), Buffer.from(`${JSON.stringify(sample(2))}\n`)]),
    );
    await expect(readSamples({ path })).rejects.toMatchObject({ code: 'invalid-result-file' });
    await expect(readSamples({ path: folder })).rejects.toMatchObject({ code: 'not-a-file' });
    await expect(readSamples({ path: join(folder, 'none') })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('keeps lines whole that lie across the pieces of reading', async () => {
    const path = join(folder, 'samples.jsonl');
    const all = Array.from({ length: 40 }, (_, index) => sample(index, { output: 'ü'.repeat(40_000 + index) }));
    await writeFile(path, all.map((one) => `${JSON.stringify(one)}\n`).join(''));
    expect(await readSamples({ path })).toEqual(all);
  });
});

describe('records', () => {
  it('refuses columns that hide fields and scores that are none', () => {
    expect(() => sample(0, { scores: { doc: 1 } })).toThrowError(/would hide a field/);
    expect(() => sample(0, { scores: { exact_match: Number.NaN } })).toThrowError(/is NaN/);
  });

  it('hashes equal values alike', () => {
    expect(stableHash({ a: 1, b: { d: [1, 2], c: 2 } })).toBe(stableHash({ b: { c: 2, d: [1, 2] }, a: 1 }));
    expect(stableHash({ a: [1, 2] })).not.toBe(stableHash({ a: [2, 1] }));
  });
});

describe('results', () => {
  it('has the shape of lm-evaluation-harness and our columns', async () => {
    const samples = [0, 1, 2, 3].map((index) =>
      sample(
        index,
        index === 2
          ? { unparseable: true, extracted: null }
          : index === 0
            ? { error: { code: 'image-missing', message: 'no image' } }
            : {},
      ),
    );
    const date = new Date('2026-11-23T18:51:44.123Z');
    const results = buildResults({
      tasks: [
        { task: 'scenes', version: 1, samples, total: 500, higherIsBetter: { exact_match: true }, dataHash: 'abc' },
      ],
      modelName: 'reasoner',
      gitHash: 'f00',
      date,
      config: { limit: 4, seeds: [1] },
    });
    expect(results.results.scenes).toMatchObject({
      alias: 'scenes',
      'exact_match,none': 0.5,
      'exact_match_stderr,none': expect.closeTo(Math.sqrt(1 / 3) / 2, 12) as number,
      'generated_tokens,none': 10,
      'generated_tokens_stderr,none': 0,
      'unparseable,none': 1,
      'failed,none': 1,
    });
    expect(results).toMatchObject({
      'n-samples': { scenes: { original: 500, effective: 4 } },
      higher_is_better: { scenes: { exact_match: true } },
      versions: { scenes: 1 },
      git_hash: 'f00',
      config: { model: 'reasoner', limit: 4 },
      total_evaluation_time_seconds: 2,
    });
    const path = await writeResults({ folder, results });
    expect(path.endsWith('results_2026-11-23T18-51-44.123000.json')).toBe(true);
    expect(await readResults({ path })).toEqual(results);
    expect(await readdir(folder)).toEqual(['results_2026-11-23T18-51-44.123000.json']);
    const again = buildResults({
      tasks: [{ task: 'scenes', version: 1, samples: samples.slice(1), total: 500, higherIsBetter: {} }],
      modelName: 'm',
    });
    expect(again.task_hashes.scenes).not.toBe(results.task_hashes.scenes);
  });

  it('refuses an empty task and a sample without the metric', () => {
    const task = { task: 't', version: 1, total: 0, higherIsBetter: {} };
    expect(() => buildResults({ tasks: [{ ...task, samples: [] }], modelName: 'm' })).toThrowError(
      expect.objectContaining({ code: 'empty-set' }),
    );
    expect(() =>
      buildResults({ tasks: [{ ...task, samples: [sample(0), sample(1, { scores: { other: 1 } })] }], modelName: 'm' }),
    ).toThrowError(/Sample "s1" has no score "exact_match"/);
  });

  it('names a results file that is none', async () => {
    const path = join(folder, 'results.json');
    await writeFile(path, '{"x":1}');
    await expect(readResults({ path })).rejects.toMatchObject({ code: 'invalid-result-file' });
    await writeFile(path, '{');
    await expect(readResults({ path })).rejects.toThrowError(/cannot be read as JSON/);
    for (const text of [
      'null',
      '{"results":null}',
      '{"results":[]}',
      '{"results":{"t":null}}',
      '{"results":{"t":{"m":[]}}}',
      '{"results":{},"date":"x"}',
      `{"results":${'['.repeat(9999)}`,
    ]) {
      await writeFile(path, text);
      await expect(readResults({ path })).rejects.toMatchObject({ code: 'invalid-result-file' });
    }
  });
});

describe('RunFolder', () => {
  const identity = { modelHash: 'm', tasks: { scenes: { version: 1 } }, settings: { limit: 4 } };

  it('goes on with the same run and refuses another', async () => {
    const first = await RunFolder.open({ folder, identity, now: new Date('2026-01-02T03:04:05Z') });
    const file = await first.samples('scenes');
    await file.append(sample(0));
    await file.close();
    await expect(RunFolder.open({ folder, identity })).rejects.toMatchObject({ code: 'locked' });
    await first.close();
    const second = await RunFolder.open({ folder, identity });
    expect(second.resumed).toBe(true);
    expect(fileDate(second.date)).toBe('2026-01-02T03-04-05.000000');
    const again = await second.samples('scenes');
    expect(again.finished.size).toBe(1);
    await again.close();
    await second.close();
    await expect(RunFolder.open({ folder, identity: { ...identity, settings: { limit: 5 } } })).rejects.toThrowError(
      /a run with other settings/,
    );
    expect(JSON.parse(await readFile(join(folder, 'run.json'), 'utf8'))).toMatchObject({ identity });
  });

  it('hashes a folder by its contents', async () => {
    await writeFile(join(folder, 'a'), '1');
    const before = await hashFolder(folder);
    await appendFile(join(folder, 'a'), '2');
    expect(await hashFolder(folder)).not.toBe(before);
    expect(await gitHash({ folder })).toBeNull();
  });

  it.each([
    ['null', 'null'],
    ['a list', '[]'],
    ['no date', '{"fingerprint":"x","identity":{}}'],
    ['a date that is none', '{"fingerprint":"x","identity":{},"date":"soon"}'],
    ['a number for a fingerprint', '{"fingerprint":1,"identity":{},"date":"2026-01-02T03:04:05Z"}'],
    ['a later format', '{"format":2,"fingerprint":"x","identity":{},"date":"2026-01-02T03:04:05Z"}'],
    ['ten thousand levels', `${'['.repeat(10_000)}${']'.repeat(10_000)}`],
    ['no JSON', '{'],
  ])('refuses a run.json of %s', async (_, text) => {
    await writeFile(join(folder, 'run.json'), text);
    await expect(RunFolder.open({ folder, identity })).rejects.toMatchObject({ code: 'invalid-result-file' });
  });

  it('refuses tasks whose names would lead out of the folder', async () => {
    const run = await RunFolder.open({ folder, identity });
    for (const name of ['../x', 'a/b', '..', '', 'a\u001b'])
      await expect(run.samples(name)).rejects.toMatchObject({ code: 'invalid-result-file' });
    const file = await run.samples('constructor');
    await file.close();
    await run.close();
  });

  it('says which task has other data', async () => {
    await (await RunFolder.open({ folder, identity })).close();
    await expect(
      RunFolder.open({ folder, identity: { ...identity, tasks: { scenes: { version: 2 } } } }),
    ).rejects.toThrowError(/other data, pictures or version of scenes/);
  });
});

describe('hashes', () => {
  const picture = { data: new Uint8Array(3), width: 1, height: 1 };
  const example = { id: '1', question: 'q', steps: [], answer: 'a' };

  it('tell examples apart by their pictures', async () => {
    const path = join(folder, 'a.png');
    const image = { path, load: () => Promise.resolve(picture) };
    await writeFile(path, 'one');
    const first = await hashExamples([{ ...example, image }]);
    await writeFile(path, 'two');
    expect(await hashExamples([{ ...example, image }])).not.toBe(first);
    await writeFile(path, 'one');
    expect(await hashExamples([{ ...example, image }])).toBe(first);
    expect(await hashExamples([example])).not.toBe(first);
    expect(await hashExamples([{ ...example, answer: 'b', image }])).not.toBe(first);
    // A picture inside a data file is told by its pixels; one that is broken by its fault.
    const inside = (data: Uint8Array) => ({ path: 'table.tsv:2', load: () => Promise.resolve({ ...picture, data }) });
    expect(await hashExamples([{ ...example, image: inside(Uint8Array.of(1, 2, 3)) }])).not.toBe(
      await hashExamples([{ ...example, image: inside(Uint8Array.of(1, 2, 4)) }]),
    );
    expect(
      await hashExamples([
        { ...example, image: { path: join(folder, 'none.png'), load: () => Promise.reject(new Error('no')) } },
      ]),
    ).toMatch(/^[0-9a-f]{64}$/);
  });

  it('of a folder pass over what is no file, and follow links', async () => {
    await mkdir(join(folder, 'inside'));
    await writeFile(join(folder, 'inside', 'a'), '1');
    const before = await hashFolder(folder);
    if (process.platform !== 'win32') {
      execFileSync('mkfifo', [join(folder, 'pipe')]);
      expect(await hashFolder(folder)).toBe(before);
      await symlink(join(folder, 'inside', 'a'), join(folder, 'link'));
      expect(await hashFolder(folder)).not.toBe(before);
    }
    const holes = await open(join(folder, 'holes.bin'), 'w');
    await holes.truncate(2 ** 36).catch(() => undefined);
    await holes.close();
    const begun = performance.now();
    await hashFolder(folder);
    expect(performance.now() - begun).toBeLessThan(5000);
  });
});

describe('gitHash', () => {
  const commit = 'a'.repeat(40);

  it('reads the commit from loose, packed and detached heads, and from linked work trees', async () => {
    const git = join(folder, '.git');
    await mkdir(join(git, 'refs', 'heads'), { recursive: true });
    await mkdir(join(folder, 'sub'));
    await writeFile(join(git, 'HEAD'), 'ref: refs/heads/main\n');
    expect(await gitHash({ folder })).toBeNull();
    await writeFile(
      join(git, 'packed-refs'),
      `# pack-refs with: peeled\n${commit} refs/heads/main\n^${'b'.repeat(40)}\n`,
    );
    expect(await gitHash({ folder: join(folder, 'sub') })).toBe(commit);
    await writeFile(join(git, 'refs', 'heads', 'main'), `${'c'.repeat(40)}\n`);
    expect(await gitHash({ folder })).toBe('c'.repeat(40));
    await writeFile(join(git, 'HEAD'), `${commit}\n`);
    expect(await gitHash({ folder })).toBe(commit);
    await mkdir(join(git, 'worktrees', 'one'), { recursive: true });
    await writeFile(join(git, 'worktrees', 'one', 'HEAD'), 'ref: refs/heads/main\n');
    await writeFile(join(git, 'worktrees', 'one', 'commondir'), '../..\n');
    await writeFile(join(folder, 'sub', '.git'), `gitdir: ${join(git, 'worktrees', 'one')}\n`);
    expect(await gitHash({ folder: join(folder, 'sub') })).toBe('c'.repeat(40));
  });

  it('runs nothing that a folder names, and reads no reference outside', async () => {
    await mkdir(join(folder, '.git'));
    await writeFile(
      join(folder, '.git', 'config'),
      `[core]\n\tfsmonitor = "touch ${join(folder, 'ran')}; false"\n[filter "x"]\n\tclean = touch ${join(folder, 'ran')}\n`,
    );
    await writeFile(join(folder, '.git', 'HEAD'), 'ref: refs/../../secret\n');
    await writeFile(join(folder, 'secret'), commit);
    expect(await gitHash({ folder })).toBeNull();
    expect(await readdir(folder)).not.toContain('ran');
  });
});
