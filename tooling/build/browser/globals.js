// What our code finds of Node's globals in a browser build.
export { Buffer } from './files.js';
export const process = { env: {}, argv: [], versions: {}, platform: 'browser', arch: 'wasm', pid: 0, cwd: () => '/' };
export const setImmediate = (callback) => setTimeout(callback, 0);
