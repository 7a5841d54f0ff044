import { loadMonitor } from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// Sources of another workspace: a model that is trained in seconds, for tests only.
import { calculations, trainCalculatingReasoner } from '../../../packages/eval/test/arithmetic-reasoner';

const command = fileURLToPath(new URL('../bin/subtext-eval.js', import.meta.url));

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);

/** Runs `subtext-eval monitor` as a user does, on the calculations; later words take the place of earlier ones. */
async function monitor(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const own = ['--model', at('reasoner'), '--format', 'jsonl', '--score', 'exact', '--engine', 'wasm'];
  const asked = [...own, '--test', at('test.jsonl'), '--output', at('first.safetensors'), ...words];
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [command, 'monitor', ...asked], {
      cwd: folder,
      env: { ...process.env, HF_HUB_OFFLINE: '1' },
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

beforeAll(async () => {
  if (!existsSync(new URL('../dist/main.js', import.meta.url)))
    throw new Error('These tests run the built command; build it first: npx turbo run build.');
  folder = await mkdtemp(join(tmpdir(), 'subtext-eval-monitor-'));
  await useEngine({ engine: 'wasm' });
  const reasoner = trainCalculatingReasoner();
  await reasoner.save({ folder: at('reasoner') });
  reasoner.dispose();
  for (const [name, seed] of [
    ['train.jsonl', 11],
    ['test.jsonl', 12],
  ] as const) {
    const lines = calculations({ count: 120, seed }).map(({ question, steps, answer }) =>
      JSON.stringify({
        question,
        steps: steps.map(({ text }) => text),
        answer,
        first: steps[0]!.text.split('=')[1],
        odd: 'no',
      }),
    );
    await writeFile(at(name), `${lines.join('\n')}\n`);
  }
}, 120_000);
afterAll(async () => {
  if (folder) await rm(folder, { recursive: true, force: true });
});

describe('subtext-eval monitor', () => {
  it('trains a monitor, measures it beside its controls, and saves it', async () => {
    const flag = ['--data', at('train.jsonl'), '--flag', 'first=0'];
    const { code, stdout, stderr } = await monitor(...flag, '--false-alarms', '0.05', '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const told = JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, unknown> & {
      thoughts: { stage: string; auroc: { value: number } }[];
      controls: { shuffled: number[]; output: { value: number } };
    };
    expect(told).toMatchObject({
      ...{ event: 'monitor', path: at('first.safetensors'), stage: 'step_1', source: 'first=0' },
      ...{ trainingCount: 120, testCount: 120 },
    });
    expect(told.thoughts.map(({ stage }) => stage)).toEqual(['step_1', 'step_2']);
    expect(told.thoughts[0]!.auroc.value).toBeGreaterThan(0.95);
    expect(told.controls.shuffled).toHaveLength(5);
    expect(await loadMonitor({ path: at('first.safetensors') })).toMatchObject({ stage: 'step_1', source: 'first=0' });

    const inWords = await monitor(...flag, '--limit', '60', '--where', 'first=0', '--where', 'odd=no');
    // Nothing but what is flagged is measured: there is nothing to tell it from.
    expect(inWords.code).toBe(1);
    expect(inWords.stderr).toMatch(/^Error: .*flagged/);
    const table = await monitor(...flag, '--output', at('again.safetensors'));
    expect(table.stdout).toMatch(/step_1, thought 1 +\d\.\d{3} ± \d\.\d{3} +\d+\.\d % +\d+\.\d %/);
    expect(table.stdout).toMatch(/flags first=0 at thought 1 of step_1/);
  }, 120_000);

  it('refuses what makes no sense in one line, and leaves a monitor that is there as it was', async () => {
    await writeFile(at('first.safetensors'), 'what was there');
    const data = ['--data', at('train.jsonl')];
    for (const [words, message] of [
      [[...data, '--flag', 'first'], /field=value; got "first"/],
      [[...data, '--flag', '=0'], /field=value; got "=0"/],
      [[...data, '--flag', 'third=0'], /No record has the field "third"\. Fields: first, odd/],
      [[...data, '--flag', 'odd=no'], /120 are flagged/],
      [[...data, '--flag', 'first=0', '--train-where', 'odd=yes'], /None of the 120 examples has odd=yes/],
      [[...data, '--flag', 'first=0', '--false-alarms', '2'], /--false-alarms takes a share from 0 to 1, not 2/],
      [[...data, '--flag', 'first=0', '--test', at('none.jsonl')], /none\.jsonl/],
      [['--flag', 'first=0'], /--data/],
      [data, /--flag/],
    ] as const) {
      const { code, stderr } = await monitor(...words);
      expect({ words, code }).toEqual({ words, code: 1 });
      const [line, ...more] = stderr.trim().split('\n');
      expect(line).toMatch(/^error: /i);
      expect(line).toMatch(message);
      // What is missing altogether is told with where to look it up.
      expect(more.filter((other) => !other.includes('--help'))).toEqual([]);
    }
    expect(await readFile(at('first.safetensors'), 'utf8')).toBe('what was there');
  }, 120_000);
});
