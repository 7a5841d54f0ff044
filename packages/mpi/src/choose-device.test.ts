import { afterEach, describe, expect, it, vi } from 'vitest';

import { chooseDevice } from './choose-device';

afterEach(() => vi.unstubAllEnvs());

const local = { localRank: 1, localSize: 2, host: 'node-7' };

describe('the GPU of a process', () => {
  it('is its own; none where there is none', () => {
    expect(chooseDevice({ ...local, devices: ['2', 'GPU-5d', '0'] })).toBe('GPU-5d');
    expect(chooseDevice({ ...local, devices: [] })).toBeUndefined();
  });

  it('is one of those that the process may use', () => {
    vi.stubEnv('CUDA_VISIBLE_DEVICES', '3,5');
    expect(chooseDevice(local)).toBe('5');
    vi.stubEnv('CUDA_VISIBLE_DEVICES', '');
    expect(chooseDevice(local)).toBeUndefined();
  });

  it('is never shared', () => {
    expect(() => chooseDevice({ ...local, devices: ['0'] })).toThrow(
      expect.objectContaining({
        code: 'invalid-option',
        message: expect.stringContaining('2 ranks on node-7 would share 1 GPU.') as string,
      }),
    );
  });
});
