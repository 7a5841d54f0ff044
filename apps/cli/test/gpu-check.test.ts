import { describeEngines } from '@subtext/tensor';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-gpu-check-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const script = fileURLToPath(new URL('../../../tooling/gpu-check/gpu-check.mjs', import.meta.url));

async function check(...args: string[]) {
  const output = join(folder, 'gpu-check.json');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--output', output, ...args], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return { status, stdout, report: JSON.parse(await readFile(output, 'utf8')) as Report };
}
interface Report {
  engines: { engine: string; device: { name: string } | null; reason: string | null; [part: string]: unknown }[];
}

it('leaves out what is no GPU, with a reason, and is content', async () => {
  const { status, stdout, report } = await check('--engines', 'wasm,nothing');
  expect(report.engines.map(({ reason }) => reason)).toEqual([
    'it computes on the processor',
    'there is no engine nothing',
  ]);
  expect(stdout).toMatch(/No GPU was checked\./);
  expect(status).toBe(0);
}, 60_000);

it('refuses parts that there are not', () => {
  const { status, stderr } = spawnSync(process.execPath, [script, '--parts', 'all'], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([2, expect.stringMatching(/no part all; there are operations, golden/)]);
});

const device = (await describeEngines()).find(({ name }) => name === 'webgpu')?.device ?? null;
// Minutes of a processor that imitates a GPU: where it is asked for, as in the longer job of CI.
const asked = process.env.SUBTEXT_TEST_SOFTWARE_GPU === '1' || device?.software === false;
it.skipIf(device === null || !asked)(
  'checks families, training and generation on the adapter that is there',
  async () => {
    const parts = ['--engines', 'webgpu', '--software', '--parts', 'golden,train,generate'];
    const { status, report } = await check(...parts, '--minutes', '6');
    const [{ device: found, ...results }] = report.engines as [Report['engines'][number]];
    expect(found?.name).toBeTruthy();
    const { results: golden } = results['golden'] as { results: { name: string; faults: string[] }[] };
    expect(golden.filter(({ faults }) => faults.length > 0)).toEqual([]);
    expect(golden.length).toBeGreaterThan(12);
    expect(results['train']).toMatchObject({ results: [{ faults: [], tokensPerSecond: expect.any(Number) }] });
    expect(status).toBe(0);
  },
  400_000,
);
