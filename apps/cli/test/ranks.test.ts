import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { readCheckpoints } from '../../../tooling/reliability/check-checkpoint.mjs';
import { mpirun, ranks } from './ranks';
import { subtext } from './run-command';
import { tinyConfiguration } from './tiny-run';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-ranks-'));
  const configuration = tinyConfiguration
    .replace('batchSize: 4', 'batchSize: 12\n  shards: 12\n  logSteps: 1\n  checkpointSteps: 3')
    .replace('text: { steps: 12 }', 'text: { steps: 4 }')
    .replaceAll('{ steps: 4 }', '{ steps: 2 }')
    .replace('workers: 2', 'workers: 0')
    .replace('data/train.jsonl }', 'data/train.jsonl, validation: data/validation.jsonl }');
  await writeFile(join(folder, 'tiny.yaml'), configuration);
  const words = ['data', 'generate', 'scenes', 'data', '--train', '24', '--validation', '12', '--seed', '7'];
  expect((await subtext(words, { folder })).code).toBe(0);
  if (!mpirun) return;
  const { code, stderr } = await subtext(['train', 'tiny.yaml', 'output=alone'], { folder });
  expect(code, stderr).toBe(0);
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

async function digests(run: string): Promise<string[]> {
  const files = ['log.jsonl', 'reasoner/model.safetensors', 'reasoner/interpreters/shared/model.safetensors'];
  return Promise.all(
    files.map(async (name) =>
      createHash('sha256')
        .update(await readFile(join(folder, run, name)))
        .digest('hex'),
    ),
  );
}

/** In the output once the first step is done. Progress is told every five seconds: a step of a certain number may never be. */
const trains = '"done":';
const train = (output: string, ...words: string[]) => ['train', 'tiny.yaml', `output=${output}`, '--json', ...words];

describe.skipIf(!mpirun || process.platform !== 'linux')(
  `training among processes${mpirun ? '' : ': no mpirun on this machine'}`,
  () => {
    it.each([
      [2, []],
      [3, ['ranks.optimizerState=parts']],
      [4, []],
      [2, ['workers=2']],
      [2, ['workers=3', 'ranks.optimizerState=parts']],
    ])('%i ranks give the bytes of one process (%s)', async (size, words) => {
      const run = ['ranks', size, ...words].join('-');
      const { code, output } = await ranks({ size, folder, words: train(run, ...words) });
      expect(code, output).toBe(0);
      expect(await digests(run)).toEqual(await digests('alone'));
    });

    it('two ranks of a shard each have the same sums in any order', async () => {
      const two = ['training.shards=2'];
      const alone = await subtext(train('alone-of-two', ...two), { folder });
      expect(alone.code, alone.stderr).toBe(0);
      const words = [...two, 'ranks.order=any', 'ranks.optimizerState=parts'];
      const { code, output } = await ranks({ size: 2, folder, words: train('any', ...words) });
      expect(code, output).toBe(0);
      expect(await digests('any')).toEqual(await digests('alone-of-two'));
    });

    it('a killed rank ends the job; another number of ranks goes on from the checkpoint to the same bytes', async () => {
      let killed = false;
      const first = await ranks({
        size: 3,
        folder,
        words: train('killed', 'training.checkpointSteps=2'),
        onOutput: (output, processes) => {
          if (killed || !output.includes('"done":5')) return;
          killed = true;
          process.kill(processes()[1]!, 'SIGKILL');
        },
      });
      expect(killed).toBe(true);
      expect(first.code).not.toBe(0);
      expect(first.output).toMatch(/rank 1 .*(signal 9|[Kk]illed)|KILLED BY SIGNAL: 9|EXIT CODE: 9/);
      expect(readCheckpoints(join(folder, 'killed')).broken).toEqual([]);
      const second = await ranks({ size: 2, folder, words: train('killed', 'ranks.optimizerState=parts') });
      expect(second.code, second.output).toBe(0);
      expect(second.output).toContain('Resuming at step 4');
      expect(await digests('killed')).toEqual(await digests('alone'));
    });

    it('a rank that stops answering is named when the deadline is over', async () => {
      let stopped = 0;
      const { code, output } = await ranks({
        size: 3,
        folder,
        words: train('stopped', 'ranks.deadlineSeconds=2', 'training.text.steps=20000'),
        onOutput: (said, processes) => {
          if (stopped > 0 || !said.includes(trains)) return;
          stopped = processes()[2]!;
          process.kill(stopped, 'SIGSTOP');
        },
      });
      expect(code).not.toBe(0);
      expect(output).toMatch(/Rank 2 did not answer/);
    });

    it('all save and leave at the same step where one is asked to', async () => {
      let asked = false;
      const { output } = await ranks({
        size: 3,
        folder,
        words: train('asked', 'training.text.steps=20000', 'training.checkpointSteps=1000'),
        onOutput: (said, processes) => {
          if (asked || !said.includes(trains)) return;
          asked = true;
          process.kill(processes()[1]!, 'SIGUSR1');
        },
      });
      const [, step] = /Stopped at step (\d+)/.exec(output)!;
      const { whole } = readCheckpoints(join(folder, 'asked'));
      // One with the best validation loss, which is taken every 100 steps, may stand before it.
      expect(whole.at(-1)).toBe(Number(step));
      for (const earlier of whole.slice(0, -1)) expect(earlier % 100).toBe(0);
    });

    it('ranks that would not train the same are refused by name', async () => {
      // Each process has its own number in the environment.
      const script = join(folder, 'one-differs.mjs');
      const command = new URL('../bin/subtext.js', import.meta.url).href;
      await writeFile(
        script,
        `const rank = process.env.OMPI_COMM_WORLD_RANK ?? process.env.PMI_RANK;
if (rank === '1') process.argv.push(process.env.DIFFERENCE);
await import(${JSON.stringify(command)});`,
      );
      for (const [difference, said] of [
        ['training.learningRate=0.5', /Unlike rank 0: rank 1 in settings\./],
        ['engine=cpu', /rank 1 in engine \(cpu, not wasm\)/],
      ] as const) {
        const environment = { DIFFERENCE: difference };
        const { code, output } = await ranks({ size: 3, folder, program: script, words: train('differ'), environment });
        expect(output).toMatch(said);
        expect(code).not.toBe(0);
        expect(output.match(/would not train the same run/g)!.length).toBeLessThanOrEqual(2);
      }
    });

    it('a number of ranks that does not divide the shards is told', async () => {
      const { code, output } = await ranks({ size: 5, folder, words: train('five') });
      expect(code).not.toBe(0);
      expect(output).toContain('5 ranks cannot share 12 shards evenly. Start one of 1, 2, 3, 4, 6, 12 ranks');
    });
  },
);
