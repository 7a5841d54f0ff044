/** The folder of a fuzzer's case: the seeds' files, of which some are changed. */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

import { mutateContent } from './mutate.mjs';

/** Every file below a folder, with names relative to it. */
function filesBelow(folder, prefix = '') {
  return readdirSync(join(folder, prefix), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(folder, join(prefix, entry.name)) : [join(prefix, entry.name)],
  );
}

const sources = new Map();
/** The seeds' files of a target: names in the case's folder, and their content. */
function filesOf({ target, seeds }) {
  const known = sources.get(target.name);
  if (known) return known;
  const files = Object.entries(target.files).flatMap(([name, source]) => {
    const path = join(seeds, source);
    const names = statSync(path).isDirectory()
      ? filesBelow(path).map((file) => [join(name, file), join(path, file)])
      : [[name, path]];
    return names
      .filter(([file]) => !/images[\\/](test|base)|(^|[\\/])initial[\\/]|tensorboard|\.html$/.test(file))
      .map(([file, from]) => ({ name: file.replaceAll('\\', '/'), content: readFileSync(from) }));
  });
  sources.set(target.name, files);
  return files;
}

/** Something that is not a file in a file's place. Windows has no pipes or devices in folders. */
function replaceByOther({ path, draws }) {
  const kinds =
    process.platform === 'win32'
      ? ['nothing', 'folder']
      : ['nothing', 'folder', 'pipe', 'zero', 'sparse', 'circle', 'outside'];
  const kind = draws.of(kinds);
  if (kind === 'folder') mkdirSync(path);
  else if (kind === 'pipe') spawnSync('mkfifo', [path]);
  else if (kind === 'zero') symlinkSync('/dev/zero', path);
  else if (kind === 'circle') symlinkSync(path, path);
  else if (kind === 'outside') symlinkSync('/etc/hostname', path);
  else if (kind === 'sparse') {
    const file = openSync(path, 'w');
    ftruncateSync(file, 200e9);
    closeSync(file);
  }
  return kind;
}

/** One lane's folder for a target: the seeds' files are written once, and only what a case changed is put right again. */
export class CaseFolder {
  #files;
  /** What the case before changed; whether each is still a file. */
  #changed = new Map();

  constructor({ folder, target, seeds }) {
    this.folder = folder;
    this.target = target;
    this.#files = filesOf({ target, seeds });
    rmSync(folder, { recursive: true, force: true });
    for (const { name, content } of this.#files) {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
    }
  }

  /** Makes one case of it; gives back what was changed. */
  change(draws) {
    const changeable = this.#files.filter(({ name }) => this.target.change.test(name));
    const count = draws.of([1, 1, 1, 1, 2, 3]);
    const chosen = new Set(Array.from({ length: count }, () => draws.of(changeable)));
    for (const [file, isFile] of this.#changed) {
      const path = join(this.folder, file.name);
      if (!isFile) rmSync(path, { recursive: true, force: true });
      if (!isFile || !chosen.has(file)) writeFileSync(path, file.content);
    }
    this.#changed.clear();
    return [...chosen].map((file) => {
      const { name, content } = file;
      const path = join(this.folder, name);
      const isFile = !draws.chance(0.05);
      this.#changed.set(file, isFile);
      if (!isFile) {
        rmSync(path);
        return `${name}: ${replaceByOther({ path, draws })}`;
      }
      writeFileSync(path, mutateContent({ name, content, draws }));
      return `${name}: changed`;
    });
  }
}
