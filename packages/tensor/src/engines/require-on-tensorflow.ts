/** Main files of the TensorFlow.js packages in use. */
export interface TensorflowInUse {
  core: string;
  cpu: string;
}

/** The TensorFlow.js packages that `@subtext/tensor` uses. Node only. */
export async function tensorflowInUse(): Promise<TensorflowInUse> {
  const { createRequire } = await import('node:module');
  const require = createRequire(import.meta.url);
  return { core: require.resolve('@tensorflow/tfjs-core'), cpu: require.resolve('@tensorflow/tfjs-backend-cpu') };
}

/**
 * `require`s a CommonJS module so that it gets the copy of TensorFlow.js already in use: tensors and kernels of another
 * copy would be incompatible. The umbrella package `@tensorflow/tfjs`, which tfjs-node requires, is replaced by the core
 * in use. Self-contained, because the installer also runs the source of this function in another process.
 *
 * @param require a `require` for absolute paths
 * @param target absolute path of the module or package
 * @param inUse the TensorFlow.js in use
 */
export function requireOnTensorflow(require: NodeJS.Require, target: string, inUse: TensorflowInUse): unknown {
  interface Loader {
    new (id: string): { exports: unknown; filename: string; loaded: boolean };
    createRequire: (path: string) => NodeJS.Require;
    _cache: Record<string, unknown>;
    _resolveFilename: (request: string, ...rest: unknown[]) => string;
  }
  const Module = require('node:module') as Loader;
  const core = require(inUse.core) as object;
  // The umbrella package includes the CPU backend, which serves as a fallback.
  require(inUse.cpu);
  const umbrellaFile = inUse.core + '.umbrella';
  if (Module._cache[umbrellaFile] === undefined) {
    const umbrella = new Module(umbrellaFile);
    umbrella.filename = umbrellaFile;
    umbrella.loaded = true;
    // The parts of the layers API that tfjs-node extends on load; they are not used here.
    umbrella.exports = Object.assign(Object.create(null), core, {
      CustomCallback: class {},
      registerCallbackConstructor: () => {},
    });
    Module._cache[umbrellaFile] = umbrella;
  }
  const resolve = Module._resolveFilename;
  let redirecting = false;
  Module._resolveFilename = function (this: unknown, request: string, ...rest: unknown[]): string {
    const [, name] =
      /^@tensorflow\/tfjs(?:-(core|layers|converter|data|backend-cpu)(?=$|\/))?(?=$|\/|-)/.exec(request) ?? [];
    if (request === '@tensorflow/tfjs' || name === 'layers' || name === 'converter' || name === 'data')
      return umbrellaFile;
    if (!redirecting && (name === 'core' || name === 'backend-cpu')) {
      redirecting = true;
      try {
        return Module.createRequire(name === 'core' ? inUse.core : inUse.cpu).resolve(request);
      } finally {
        redirecting = false;
      }
    }
    return resolve.call(this, request, ...rest);
  };
  try {
    return require(target);
  } finally {
    Module._resolveFilename = resolve;
  }
}
