import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

import { anchorsOf, linksOf } from '../../../site/page-text.mjs';
import { pagesElsewhere, partsOfPages, sidebar } from '../../../site/sidebar.mjs';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Every page of Markdown that a reader may open, by its path in the repository. */
function pages(): string[] {
  const inside = (folder: string): string[] =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return inside(path);
      return entry.name.endsWith('.md') ? [path] : [];
    });
  const readmes = ['packages', 'apps'].flatMap((group) =>
    readdirSync(join(root, group)).map((name) => `${group}/${name}/README.md`),
  );
  return [
    ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'examples/README.md'],
    ...readmes.filter((path) => existsSync(join(root, path))),
    ...inside('docs'),
  ];
}

describe('links in the documentation', () => {
  it('lead to files and folders that there are, and to headings that there are', () => {
    const faults: string[] = [];
    let checked = 0;
    for (const source of pages()) {
      for (const { target, path, anchor } of linksOf({ root, source })) {
        checked += 1;
        const place = join(root, path);
        if (!existsSync(place)) faults.push(`${source}: ${target} leads to ${path}, which is not there`);
        else if (anchor !== undefined && statSync(place).isFile() && path.endsWith('.md')) {
          if (!anchorsOf(readFileSync(place, 'utf8')).includes(anchor))
            faults.push(`${source}: ${target} leads to no heading of ${path}`);
        }
      }
    }
    expect(checked).toBeGreaterThan(100);
    expect(faults).toEqual([]);
  });
});

describe("the site's sidebar", () => {
  const shown = sidebar.flatMap(({ items }) => items.map(({ link }) => link));
  const elsewhere = Object.keys(pagesElsewhere).map((path) => `/${path.replace(/\.md$/, '')}`);

  it('has every page of docs/ once, and no other', () => {
    const own = pages()
      .filter((path) => path.startsWith('docs/') && !partsOfPages.test(path))
      .map((path) => path.slice('docs'.length, -'.md'.length));
    expect([...shown].sort()).toEqual([...own, ...elsewhere].sort());
  });

  it('takes pages from elsewhere that there are', () => {
    for (const source of Object.values(pagesElsewhere)) expect(existsSync(join(root, source)), source).toBe(true);
  });
});

describe('the reference', () => {
  it('has every entry of every package', () => {
    const { entryPoints } = JSON.parse(readFileSync(join(root, 'site/typedoc.json'), 'utf8')) as {
      entryPoints: string[];
    };
    const packages = readdirSync(join(root, 'packages'));
    const named = entryPoints.flatMap((path) =>
      path.includes('*') ? packages.map((name) => path.replace('*', name)) : [path],
    );
    const offered = packages.flatMap((name) => {
      const text = readFileSync(join(root, 'packages', name, 'package.json'), 'utf8');
      const { exports } = JSON.parse(text) as { exports: Record<string, unknown> };
      return Object.keys(exports)
        .filter((entry) => entry !== './package.json')
        .map((entry) => `../packages/${name}/src/${entry === '.' ? 'index' : entry.slice(2)}.ts`);
    });
    expect(named.sort()).toEqual(offered.sort());
  });
});
