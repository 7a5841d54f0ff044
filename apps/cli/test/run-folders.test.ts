import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { subtext } from './run-command';
import { blindConfiguration } from './tiny-run';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-run-folders-'));
  await writeFile(join(folder, 'blind.yaml'), blindConfiguration);
  expect(
    (
      await run(
        'data',
        'generate',
        'scenes',
        'data',
        '--train',
        '24',
        '--validation',
        '6',
        '--test',
        '1',
        '--seed',
        '7',
      )
    ).code,
  ).toBe(0);
  expect((await run('train', 'blind.yaml')).code).toBe(0);
});
afterAll(async () => rm(folder, { recursive: true, force: true }));
const run = (...args: string[]) => subtext(args, { folder });
const weights = async (output: string) => readFile(join(folder, output, 'reasoner', 'model.safetensors'));

describe('what is in the output folder', () => {
  it('stays where it is not a run: train and start refuse by name', async () => {
    for (const output of ['foreign', 'foreign-start']) {
      await mkdir(join(folder, output, 'checkpoints'), { recursive: true });
      await mkdir(join(folder, output, 'reasoner'));
      for (const name of ['checkpoints/best.pt', 'reasoner/model.safetensors', 'log.jsonl'])
        await writeFile(join(folder, output, name), 'precious');
    }
    const [trained, started] = await Promise.all([
      run('train', 'blind.yaml', 'output=foreign', '--overwrite'),
      run('start', '--output', 'foreign-start', '--overwrite'),
    ]);
    expect(trained).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /foreign holds something else than a training run \(checkpoints, log\.jsonl, reasoner\)/,
      ),
    });
    expect(started).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/foreign-start contains something other than a start run/),
    });
    for (const output of ['foreign', 'foreign-start']) {
      expect((await readdir(join(folder, output), { recursive: true })).sort()).toEqual([
        'checkpoints',
        join('checkpoints', 'best.pt'),
        'log.jsonl',
        'reasoner',
        join('reasoner', 'model.safetensors'),
      ]);
    }
  });

  it('is a run that goes on: a second one is refused before it writes anything', async () => {
    const files = async () => {
      const names = await readdir(join(folder, 'going-on'), { recursive: true });
      return Promise.all(
        names
          .filter((name) => !/^(?:checkpoints|log\.jsonl$)/.test(name))
          .sort()
          .map(async (name) => {
            const path = join(folder, 'going-on', name);
            const { ino, isFile } = await stat(path).then((one) => ({ ino: one.ino, isFile: one.isFile() }));
            return [name, ino, isFile ? await readFile(path, 'base64') : 'a folder'];
          }),
      );
    };
    let second: Promise<void> | undefined;
    const first = await subtext(['train', 'blind.yaml', 'output=going-on', 'training.text.steps=100000', '--json'], {
      folder,
      onOutput: (output, interrupt) => {
        if (second || !output.includes('"progress"')) return;
        second = (async () => {
          const before = await files();
          expect(before.map(([name]) => name)).toContain('configuration.json');
          for (const words of [['seed=77'], ['seed=77', '--overwrite']])
            expect(await run('train', 'blind.yaml', 'output=going-on', ...words)).toMatchObject({
              code: 1,
              stderr: expect.stringMatching(/Another run is writing to going-on \(process \d+/),
            });
          expect(await files()).toEqual(before);
        })().finally(() => interrupt());
      },
    });
    await second;
    expect(second).toBeDefined();
    expect(first.code).toBe(130);
  });

  it('is a finished run: kept, whatever only changes speed; refused for other settings with the keys; replaced with --overwrite', async () => {
    const before = await weights('blind');
    const written = (await stat(join(folder, 'blind', 'configuration.json'))).mtimeMs;
    const [same, other] = await Promise.all([
      run('train', 'blind.yaml', 'workers=1', 'engine=auto', 'training.checkpointSteps=1', '--json'),
      run('train', 'blind.yaml', 'seed=8', 'training.learningRate=0.5'),
    ]);
    expect(same.code).toBe(0);
    expect(same.events.some(({ event }) => event === 'progress')).toBe(false);
    expect(other).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /blind holds a finished run of other settings\. What differs: seed is 8, was 1; training\.learningRate is 0\.5, was 0\.0001\..*--overwrite/,
      ),
    });
    expect(await weights('blind')).toEqual(before);
    expect((await stat(join(folder, 'blind', 'configuration.json'))).mtimeMs).toBe(written);
    const replaced = await run('train', 'blind.yaml', 'seed=8', '--overwrite');
    expect({ code: replaced.code, stderr: replaced.stderr }).toEqual({ code: 0, stderr: '' });
    expect(await weights('blind')).not.toEqual(before);
    const finished = JSON.parse(await readFile(join(folder, 'blind', 'finished.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    expect(finished).toMatchObject({
      steps: 2,
      seconds: expect.any(Number) as number,
      machine: {
        engine: 'wasm',
        node: process.versions.node,
        processor: expect.any(String) as string,
        subtext: expect.any(String) as string,
      },
    });
  });
});

describe('a run before its first step', () => {
  it('tells what it will take, and writes nothing (--dry-run); memory within a factor of 2 of what it takes', async () => {
    const { code, events } = await run('train', 'blind.yaml', 'output=dry', '--dry-run', '--json');
    expect(code).toBe(0);
    expect(existsSync(join(folder, 'dry'))).toBe(false);
    const estimate = events.at(-1) as unknown as {
      parameters: number;
      trainable: number;
      steps: number;
      tokens: number;
      seconds: number;
      memory: { total: number };
    };
    expect(estimate).toMatchObject({
      event: 'dry-run',
      steps: 2,
      phases: [{ steps: 2, batchSize: 4 }],
      engine: 'wasm',
      workers: 0,
    });
    expect(estimate.parameters).toBe(estimate.trainable);
    expect(estimate.tokens).toBeGreaterThan(2 * 4 * 5);
    expect(estimate.seconds).toBeGreaterThan(0);
    expect((await run('train', 'blind.yaml', 'output=dry')).stdout).toMatch(/about \d+ MiB of memory and /);
    const { machine } = JSON.parse(await readFile(join(folder, 'dry', 'finished.json'), 'utf8')) as {
      machine: { peakBytes: number };
    };
    expect(estimate.memory.total / machine.peakBytes).toBeGreaterThan(0.5);
    expect(estimate.memory.total / machine.peakBytes).toBeLessThan(2);
  });

  it('is refused where it cannot fit: with the numbers, before weights are made, and leaves no folder', async () => {
    const config =
      '{ model_type: llama, hidden_size: 2048, intermediate_size: 8192, num_hidden_layers: 16, num_attention_heads: 16, num_key_value_heads: 16, max_position_embeddings: 192 }';
    const [model, batch] = await Promise.all([
      run('train', 'blind.yaml', 'output=large', `model.new=${config}`),
      run('train', 'blind.yaml', 'output=large', 'training.batchSize=10000000', '--json'),
    ]);
    expect(model).toMatchObject({ code: 1, stderr: expect.stringMatching(/GiB/) });
    expect(batch.events.at(-1)).toMatchObject({
      event: 'error',
      code: 'does-not-fit',
      message: expect.stringMatching(/activations [\d.]+ GiB.*training\.batchSize/),
    });
    expect(existsSync(join(folder, 'large'))).toBe(false);
  });
});

describe('a run whose output nobody takes', () => {
  const command = fileURLToPath(new URL('../bin/subtext.js', import.meta.url));
  const code = (child: ReturnType<typeof spawn>) => new Promise<number | null>((resolve) => child.on('close', resolve));

  it('goes on to its end after a reader has left', async () => {
    const child = spawn(
      process.execPath,
      [command, 'train', 'blind.yaml', 'output=unread', 'training.logSteps=1', '--json'],
      { cwd: folder, env: { ...process.env, SUBTEXT_ENGINE: 'wasm' }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    child.stdout.destroy();
    expect(await code(child)).toBe(0);
    expect(existsSync(join(folder, 'unread', 'finished.json'))).toBe(true);
  });

  it.skipIf(!existsSync('/dev/full'))(
    'says in one line that a device is full, and goes on; a command that only prints fails',
    async () => {
      const shell = (line: string) => {
        const child = spawn('sh', ['-c', line], { cwd: folder, env: { ...process.env, SUBTEXT_ENGINE: 'wasm' } });
        let stderr = '';
        child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
        return code(child).then((status) => ({ status, stderr }));
      };
      const quote = (text: string) => `'${text}'`;
      const trained = await shell(
        `${quote(process.execPath)} ${quote(command)} train blind.yaml output=full > /dev/full`,
      );
      expect(trained).toEqual({
        status: 0,
        stderr: expect.stringMatching(
          /^The standard output takes no more: the disk or device is full \(ENOSPC\)\.[^\n]*\n$/,
        ) as string,
      });
      expect(existsSync(join(folder, 'full', 'finished.json'))).toBe(true);
      expect((await shell(`${quote(process.execPath)} ${quote(command)} runs list blind > /dev/full`)).status).toBe(1);
    },
  );
});
