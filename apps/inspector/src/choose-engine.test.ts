import { describe, expect, it } from 'vitest';

import { chooseEngine, wantedEngine } from './choose-engine';

const adapter = (description: string, isFallbackAdapter = false) => ({
  requestAdapter: async () => ({
    info: { vendor: '', architecture: '', device: '', description, isFallbackAdapter },
  }),
});
const large = 2 ** 30;

describe('the engine of the page', () => {
  it('is a real GPU where a model is worth it, and WebAssembly elsewhere, with the reason', async () => {
    const auto = async (bytes: number, graphics?: Parameters<typeof chooseEngine>[0]['graphics']) =>
      chooseEngine({ wanted: 'auto', bytes, graphics });
    expect(await auto(large, adapter('A GPU'))).toEqual({ engine: 'webgpu', why: 'there is a GPU' });
    expect(await auto(2 ** 20, adapter('A GPU'))).toMatchObject({
      engine: 'wasm',
      why: expect.stringMatching(/small/),
    });
    const wasm = { engine: 'wasm', why: expect.stringMatching(/software-emulated/) };
    expect(await auto(large, adapter('SwiftShader Device'))).toMatchObject(wasm);
    expect(await auto(large, adapter('', true))).toMatchObject(wasm);
    const none = { engine: 'wasm', why: expect.stringMatching(/no graphics adapter/) };
    expect(await auto(large, { requestAdapter: async () => null })).toMatchObject(none);
    const refuses = { requestAdapter: () => Promise.reject(new Error('blocked')) };
    expect(await auto(large, refuses)).toMatchObject(none);
    expect(await auto(large, undefined)).toMatchObject({ why: 'this browser has no WebGPU' });
  });

  it('is the one that was asked for, on an imitated GPU too', async () => {
    const graphics = adapter('SwiftShader Device', true);
    expect(await chooseEngine({ wanted: 'webgpu', bytes: 0, graphics })).toMatchObject({ engine: 'webgpu' });
    expect(await chooseEngine({ wanted: 'wasm', bytes: large, graphics })).toMatchObject({ engine: 'wasm' });
  });

  it('is read from the address; another word is none', () => {
    expect(wantedEngine('?token=x&engine=webgpu')).toBe('webgpu');
    expect(wantedEngine('?engine=cuda')).toBe('auto');
    expect(wantedEngine('')).toBe('auto');
  });
});
