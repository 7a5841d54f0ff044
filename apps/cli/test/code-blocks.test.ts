import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * What becomes of a block of code, by its language. Besides what stands here, `sh` of the guides is run with small numbers
 * (commands-in-documentation.test.ts), the programs of docs/guide/api.md and own-method.md are run there, most examples of
 * the packages' READMEs by each package's readme.test.ts, and `npm run check:blocks` checks the types of all programs.
 */
const kinds: Readonly<Record<string, string>> = {
  sh: 'flags and arguments are parsed by the commands themselves; quick ones are run',
  console: 'the same, and never run: they need what `npm start` leaves, several machines, or an account',
  js: 'compiles, and imports what the packages export',
  ts: 'compiles, and imports what the packages export',
  json: 'is JSON, or JSON lines',
  yaml: 'is YAML; whole configurations are checked by their schema',
  python: 'not checked: no test needs Python',
  '': 'a picture or a listing for people',
};

interface Block {
  where: string;
  language: string;
  text: string;
}

function blocks(): Block[] {
  const folder = (path: string): string[] =>
    readdirSync(join(root, path))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${path}/${name}`);
  const readmes = ['packages', 'apps'].flatMap((group) =>
    readdirSync(join(root, group)).map((name) => `${group}/${name}/README.md`),
  );
  return ['README.md', 'CONTRIBUTING.md', ...folder('docs'), ...folder('docs/guide'), ...readmes].flatMap((page) =>
    [...readFileSync(join(root, page), 'utf8').matchAll(/^```(\w*)[^\n]*\n([^]*?)^```/gm)].map(
      ([, language, text], index) => ({ where: `${page}, block ${index + 1}`, language: language!, text: text! }),
    ),
  );
}

/** The names that an entry of a package exports. */
function exportsOf(entry: string): Set<string> {
  const [, name, sub = 'index'] = /^@subtext\/([^/]+)(?:\/(.+))?$/.exec(entry)!;
  const text = readFileSync(join(root, 'packages', name!, 'src', `${sub}.ts`), 'utf8');
  const lists = [...text.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, list]) => list!.split(','));
  const declared = [...text.matchAll(/export (?:async )?(?:function|class|const|interface|type) (\w+)/g)].map(
    ([, one]) => one!,
  );
  return new Set([
    ...lists.map((one) =>
      one
        .replace(/^\s*type /, '')
        .trim()
        .split(/\s+as\s+/)
        .at(-1)!
        .trim(),
    ),
    ...declared,
  ]);
}

describe('blocks of code in the documentation', () => {
  const all = blocks();

  it('are of kinds of which it is known how they are checked', () => {
    expect(all.length).toBeGreaterThan(60);
    for (const { where, language } of all) expect(Object.keys(kinds), where).toContain(language);
  });

  it('compile where they are programs, and import what there is', () => {
    const faults: string[] = [];
    for (const { where, text } of all.filter(({ language }) => language === 'js' || language === 'ts')) {
      const { diagnostics = [] } = ts.transpileModule(text, {
        reportDiagnostics: true,
        compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
      });
      faults.push(
        ...diagnostics.map(({ messageText }) => `${where}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`),
      );
      for (const [, list, entry] of text.matchAll(/import \{([^}]*)\} from '(@subtext\/[^']+)'/g)) {
        const known = exportsOf(entry!);
        for (const name of list!.split(',').map(
          (one) =>
            one
              .replace(/^\s*type /, '')
              .trim()
              .split(/\s+as\s+/)[0]!,
        ))
          if (name !== '' && !known.has(name)) faults.push(`${where}: ${entry} exports no ${name}`);
      }
    }
    expect(faults).toEqual([]);
  });

  it('can be read where they are data', () => {
    for (const { where, language, text } of all) {
      if (language === 'yaml') expect(() => parse(text) as unknown, where).not.toThrow();
      if (language !== 'json') continue;
      expect(() => {
        try {
          JSON.parse(text);
        } catch {
          for (const line of text.trim().split('\n')) JSON.parse(line);
        }
      }, where).not.toThrow();
    }
  });
});
