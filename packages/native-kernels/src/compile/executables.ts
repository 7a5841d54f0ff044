import { randomUUID } from 'node:crypto';
import { access, constants, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { delimiter, isAbsolute, join, resolve } from 'node:path';

/** A command and the arguments that always come first. */
export interface CommandLine {
  command: string;
  args: string[];
}

/** Path at which the shell would find a command, or null. Runs nothing. */
export async function findExecutable(command: string): Promise<string | null> {
  const endings = process.platform === 'win32' ? ['', ...(process.env.PATHEXT ?? '.EXE;.CMD;.BAT').split(';')] : [''];
  const named = isAbsolute(command) || /[\\/]/.test(command);
  const folders = named ? [''] : (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const path of folders.flatMap((folder) =>
    endings.map((ending) => (named ? resolve(command + ending) : join(folder, command + ending))),
  )) {
    try {
      await access(path, constants.X_OK);
      if ((await stat(path)).isFile()) return path;
    } catch {
      // Looked for in the next folder.
    }
  }
  return null;
}

/**
 * The C++ compiler: `CXX`, which may carry arguments as make takes them (`ccache g++`, `clang++ --target=…`; quotes hold
 * spaces together), else `c++`.
 *
 * @throws Error where it is not there
 */
export async function findCompiler(): Promise<CommandLine> {
  const named = process.env.CXX?.trim() || 'c++';
  // A path with spaces is one word where it is a program.
  const words = (await findExecutable(named)) ? [named] : splitWords(named);
  const [command = 'c++', ...args] = words;
  const path = await findExecutable(command);
  if (path === null) {
    throw new Error(
      `no C++ compiler: ${command} is not ${/[\\/]/.test(command) ? 'a program' : 'on the PATH'}${process.env.CXX ? ` (CXX is "${named}")` : ''}. Install g++ or clang, or name one with CXX.`,
    );
  }
  return { command: path, args };
}

function splitWords(text: string): string[] {
  return [...text.matchAll(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g)].map(([word]) =>
    word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'),
  );
}

/** Creates a folder if needed, and checks that it is writable. @throws Error of the system */
export async function checkWritable(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const probe = join(folder, `.probe-${randomUUID()}`);
  await writeFile(probe, '');
  await rm(probe);
}
