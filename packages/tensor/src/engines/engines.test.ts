import { afterEach, describe, expect, it, vi } from 'vitest';
import { describeEngines, EngineError, engineChoice, engineName, TensorError, tf, useEngine } from '../index';

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('useEngine', () => {
  it('refuses an unknown name, listing the known ones', async () => {
    await expect(useEngine('cuda' as never)).rejects.toThrowError(/Unknown engine 'cuda'\. Known: auto, .*wasm.*cpu/);
    await expect(useEngine('cuda' as never)).rejects.toMatchObject({ code: 'unknown-engine', engine: 'cuda' });
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
    expect(byName.wasm).toMatchObject({ installed: true, loads: true, automatic: true, problem: null, version: '4.22.0' });
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
