import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { EngineError, TensorError } from '../errors';
import { tf } from '../tensorflow';
import { describeEngines } from './describe-engines';
import { rememberSelfTest } from './self-test-record';
import { engineChoice, engineName, useEngine } from './use-engine';
import { tensorflowEngine } from './tensorflow-engine';
import { wasmEngine } from './wasm-engine';

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('useEngine', () => {
  it('refuses an unknown name, listing the known ones', async () => {
    await expect(useEngine('cuda' as never)).rejects.toThrowError(/Unknown engine 'cuda'\. Known: auto, .*wasm.*cpu/);
    for (const engine of ['cuda', 'constructor', '__proto__', 'toString'])
      await expect(useEngine(engine as never)).rejects.toMatchObject({ code: 'unknown-engine', engine });
  });

  it('takes an engine by name and says so', async () => {
    const choice = await useEngine('cpu');
    expect(choice).toMatchObject({ name: 'cpu', reason: 'asked for by name', device: { kind: 'cpu' } });
    expect(engineName()).toBe('cpu');
    expect(engineChoice()).toBe(choice);
    expect(tf.getBackend()).toBe('cpu');
  });

  it('never takes cpu by itself', async () => {
    const choice = await useEngine('auto');
    expect(choice.name).not.toBe('cpu');
    expect(choice.passedOver).toContainEqual({ name: 'cpu', reason: 'taken only by name' });
  });

  it('does not start a slow engine for little work, and starts it where nothing else runs', async () => {
    const load = vi.spyOn(tensorflowEngine, 'load').mockResolvedValue({ kind: 'cpu', name: 'test' });
    const installed = vi.spyOn(tensorflowEngine, 'installed').mockResolvedValue({ package: 'test', version: '0' });
    const little = { parameters: 5_000, positions: 14_000, trains: true };
    const choice = await useEngine('auto', { work: little });
    expect(choice.name).toBe('wasm');
    expect(choice.passedOver).toContainEqual({
      name: 'tensorflow',
      reason: 'takes longer to start than this work takes',
    });
    expect(load).not.toHaveBeenCalled();
    const setBackend = vi.spyOn(tf.engine(), 'setBackend').mockResolvedValue(true);
    // Much work, or nobody knows how much.
    for (const work of [{ parameters: 800_000, positions: 100_000 }, undefined])
      expect((await useEngine('auto', { work })).name).toBe('tensorflow');
    const broken = vi.spyOn(wasmEngine, 'load').mockRejectedValue(new Error('no SIMD'));
    expect((await useEngine('auto', { work: little })).name).toBe('tensorflow');
    for (const spy of [load, installed, setBackend, broken]) spy.mockRestore();
    await useEngine('cpu');
  });

  it('takes a GPU by itself only after it has passed the self-test on this machine', async () => {
    const home = await mkdtemp(join(tmpdir(), 'subtext-engines-'));
    vi.stubEnv('SUBTEXT_ENGINES', home);
    const device = { kind: 'gpu', name: 'Some GPU, TensorFlow 2' } as const;
    const spies = [
      vi.spyOn(tensorflowEngine, 'load').mockResolvedValue(device),
      vi.spyOn(tensorflowEngine, 'installed').mockResolvedValue({ package: 'test', version: '0' }),
      vi.spyOn(tf.engine(), 'setBackend').mockResolvedValue(true),
    ];
    expect((await useEngine('auto')).passedOver).toContainEqual({
      name: 'tensorflow',
      reason: expect.stringContaining('doctor --selftest') as string,
    });
    expect((await describeEngines()).find(({ name }) => name === 'tensorflow')).toMatchObject({
      loads: true,
      automatic: false,
    });
    await rememberSelfTest({ engine: 'tensorflow', device, passed: true });
    expect((await useEngine('auto')).name).toBe('tensorflow');
    await rememberSelfTest({ engine: 'tensorflow', device, passed: false });
    expect((await useEngine('auto')).name).not.toBe('tensorflow');
    await writeFile(join(home, 'self-tests.json'), '{"passed": [null, 3]');
    expect((await useEngine('auto')).name).not.toBe('tensorflow');
    spies.forEach((spy) => spy.mockRestore());
    await rm(home, { recursive: true });
  });

  it('lets SUBTEXT_ENGINE name the engine for auto, and a name in code win over it', async () => {
    vi.stubEnv('SUBTEXT_ENGINE', 'cpu');
    expect(await useEngine()).toMatchObject({ name: 'cpu', reason: 'named by SUBTEXT_ENGINE' });
    expect(await useEngine('wasm')).toMatchObject({ name: 'wasm' });
    vi.stubEnv('SUBTEXT_ENGINE', 'abacus');
    await expect(useEngine()).rejects.toThrowError(/Unknown engine 'abacus' \(from SUBTEXT_ENGINE\)/);
  });

  it('prints nothing and leaves the process alone', async () => {
    const listeners = process.listenerCount('unhandledRejection');
    const log = vi.spyOn(console, 'log');
    const warn = vi.spyOn(console, 'warn');
    for (const name of ['cpu', 'wasm'] as const) {
      await useEngine(name);
      tf.tidy(() => tf.matMul(tf.ones([2, 2]), tf.ones([2, 2])).dataSync());
    }
    expect(log).not.toHaveBeenCalled();
    expect(warn).not.toHaveBeenCalled();
    expect(process.listenerCount('unhandledRejection')).toBe(listeners);
  });
});

describe('describeEngines', () => {
  it('reports each engine and changes nothing', async () => {
    await useEngine('cpu');
    const reports = await describeEngines();
    expect(engineName()).toBe('cpu');
    const byName = Object.fromEntries(reports.map((report) => [report.name, report]));
    expect(byName.wasm).toMatchObject({
      installed: true,
      loads: true,
      automatic: true,
      problem: null,
      version: '4.22.0',
    });
    expect(byName.cpu).toMatchObject({ installed: true, loads: true, automatic: false });
    for (const report of reports) {
      expect(report.loads).toBe(report.problem === null);
    }
  });
});

describe('errors', () => {
  it('are recognised by their marker', async () => {
    const error = await useEngine('x' as never).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(EngineError);
    expect(TensorError.isInstance(error)).toBe(true);
    expect(TensorError.isInstance(new Error('x'))).toBe(false);
  });
});
