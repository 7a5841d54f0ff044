import { spawnSync } from 'node:child_process';
import typescript from 'typescript';

/** What a blob says that changes what runs, by its id. */
const meanings = new Map();

function blob({ root, id }) {
  const { status, stdout } = spawnSync('git', ['cat-file', 'blob', id], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  return status === 0 ? stdout : undefined;
}

/** Code without comments, types and format. */
const compile = (source) =>
  typescript.transpileModule(source, {
    compilerOptions: {
      removeComments: true,
      target: typescript.ScriptTarget.ESNext,
      module: typescript.ModuleKind.ESNext,
    },
  }).outputText;

/** What a package runs with: neither its version nor what it is developed with. */
function needed(manifest) {
  const { type, dependencies, peerDependencies, optionalDependencies } = JSON.parse(manifest);
  return JSON.stringify([type, dependencies, peerDependencies, optionalDependencies]);
}

/** By the end of a path. Of other files each byte counts. */
const readers = [
  [/\.[mc]?[tj]s$/, compile],
  [/(?:^|\/)package\.json$/, needed],
];

function meaning({ root, id, read }) {
  if (!meanings.has(id)) {
    const source = blob({ root, id });
    if (source === undefined) return undefined;
    meanings.set(id, read(source));
  }
  return meanings.get(id);
}

/** Whether a line of `git diff --raw` is of a change in what runs. */
function isChange({ root, line }) {
  const [numbers, path] = line.split('\t');
  const [, , before, after, kind] = numbers.split(' ');
  const read = readers.find(([end]) => end.test(path))?.[1];
  if (kind !== 'M' || read === undefined) return true;
  const [old, now] = [before, after].map((id) => meaning({ root, id, read }));
  return old === undefined || now === undefined || old !== now;
}

/**
 * Whether code changed since a commit, beyond comments, types, format, and versions of the packages.
 *
 * @param options.from the earlier commit
 * @param options.paths pathspecs of the code
 * @returns undefined where git cannot say
 */
export function codeChanged({ root, from, paths }) {
  const { status, stdout } = spawnSync(
    'git',
    ['diff', '--raw', '--no-abbrev', '--no-renames', from, 'HEAD', '--', ...paths],
    {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    },
  );
  if (status !== 0) return undefined;
  return stdout
    .split('\n')
    .filter(Boolean)
    .some((line) => isChange({ root, line }));
}
