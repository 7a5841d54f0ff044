import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';

const packages = fileURLToPath(new URL('../../../packages/', import.meta.url));

/** Every face of every package, as it is published: `name/subpath` and its built file. */
const faces = readdirSync(packages).flatMap((folder) => {
  const { name, exports } = JSON.parse(readFileSync(`${packages}${folder}/package.json`, 'utf8')) as {
    name: string;
    exports: Record<string, string | { default: string }>;
  };
  return Object.entries(exports).flatMap(([subpath, target]) =>
    typeof target === 'string'
      ? []
      : [{ face: name + subpath.slice(1), url: pathToFileURL(`${packages}${folder}/${target.default}`).href }],
  );
});

/** Runs code in a fresh process between two looks at all that is the process's own; gives what is not the same. */
function changes(code: string): Record<string, unknown> {
  const script = `
    const v8 = await import('node:v8');
    const util = await import('node:util');
    const Module = (await import('node:module')).default;
    const relaxed = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 1, 96, 3, 123, 123, 123, 1, 123, 3, 2, 1, 0, 10, 13, 1, 11, 0, 32, 0, 32, 1, 32, 2, 253, 0x85, 0x02, 11]);
    const look = () => ({
      listeners: Object.fromEntries(process.eventNames().map((event) => [String(event), process.listenerCount(event)])),
      globals: Object.getOwnPropertyNames(globalThis).sort().join(' '),
      environment: JSON.stringify(process.env),
      arguments: process.execArgv.join(' '),
      heap: v8.getHeapStatistics().heap_size_limit,
      relaxedSimd: WebAssembly.validate(relaxed),
      stack: Error.stackTraceLimit,
      folder: process.cwd(),
      utilities: [util.default.isArray, util.default.isNullOrUndefined].map(String).join(),
      resolver: String(Module._resolveFilename),
      exitCode: process.exitCode,
      navigator: Object.getOwnPropertyNames(globalThis.navigator ?? {}).join(' '),
    });
    const before = look();
    ${code}
    const after = look();
    const changed = {};
    for (const name of Object.keys(after)) if (JSON.stringify(before[name]) !== JSON.stringify(after[name])) changed[name] = [before[name], after[name]];
    process.stdout.write(JSON.stringify(changed));
  `;
  return JSON.parse(
    execFileSync(process.execPath, ['--no-warnings', '--input-type=module', '-e', script], { encoding: 'utf8' }),
  ) as Record<string, unknown>;
}

/** Globals by which libraries share what there must be one of, whatever copies of them there are. */
const shared = ['__zod_globalConfig', '__zod_globalRegistry', '_tfGlobals', '_tfengine'];

function withoutShared(changed: Record<string, unknown>): Record<string, unknown> {
  const { globals, ...rest } = changed as { globals?: [string, string] };
  if (globals === undefined) return rest;
  const added = globals[1].split(' ').filter((name) => !globals[0].split(' ').includes(name));
  expect(added.filter((name) => !shared.includes(name))).toEqual([]);
  return rest;
}

describe('a process that packages are imported into', () => {
  it.each(faces)('is as it was after $face', ({ url }) => {
    expect(withoutShared(changes(`await import(${JSON.stringify(url)});`))).toEqual({});
  });

  it('is as it was once an engine that is part of the package is in use', () => {
    const { url } = faces.find(({ face }) => face === '@subtext/tensor')!;
    const use = (engine: string) => `await (await import('${url}')).useEngine({ engine: '${engine}' });`;
    for (const engine of ['cpu', 'wasm']) expect(withoutShared(changes(use(engine))), engine).toEqual({});
  });

  it('is tuned where an application asks for it: the look above sees it', () => {
    const { url } = faces.find(({ face }) => face === '@subtext/core/node')!;
    const changed = changes(`(await import('${url}')).tuneProcess();`);
    expect(Object.keys(changed)).toEqual(process.versions.node.startsWith('20.') ? ['relaxedSimd'] : []);
  });
});
