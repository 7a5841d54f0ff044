/**
 * Loaded before a command, plants a fault in it: `planted-fault.mjs?fault=NAME`. It comes where the command reads the
 * configuration of a model, in the middle of its work.
 */
import { setImmediate } from 'node:timers';

const held = [];
const faults = {
  'a raw error': (configuration) =>
    Object.defineProperty(configuration, 'model_type', { enumerable: true, get: () => undefined.planted }),
  'a rejection that nobody waits for': () => void Promise.reject(new Error('planted')),
  'an error that nobody catches': () =>
    void setImmediate(() => {
      throw new Error('planted');
    }),
  // It waits, as a loop would run: that takes a processor from the other tests.
  'no end': () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  'a crash': () => process.kill(process.pid, 'SIGSEGV'),
  'buffers without end': () => {
    for (;;) held.push(new Uint8Array(2 ** 24).fill(1));
  },
  'lists without end': () => {
    for (;;) held.push(new Array(2 ** 16).fill(held));
  },
  'buffers that are let go': () => {
    for (let count = 0; count < 80; count += 1) held.push(new Uint8Array(2 ** 24).fill(1));
    held.length = 0;
  },
};
const plant = faults[new URL(import.meta.url).searchParams.get('fault')];

const { parse } = JSON;
JSON.parse = (...words) => {
  const value = parse(...words);
  if (typeof value === 'object' && value !== null && Object.hasOwn(value, 'model_type')) plant(value);
  return value;
};
