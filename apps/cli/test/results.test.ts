import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

import { ageInWords } from '../../../tooling/results/age.mjs';
import { codeChanged } from '../../../tooling/results/code-changes.mjs';
import { compareNumbers } from '../../../tooling/results/compare-numbers.mjs';
import { pagesWithoutNotice } from '../../../tooling/results/notices.mjs';
import { pagesOutOfDate } from '../../../tooling/results/pages.mjs';

describe('committed results', () => {
  const tolerances = { accuracy: 0.02, tokens: 0 };

  it('names every number that is not what the code gives', () => {
    const committed = {
      seconds: 9,
      methods: [
        { method: 'Heima', accuracy: 1, tokens: 16 },
        { method: 'Chain', accuracy: 0.99 },
      ],
    };
    expect(
      compareNumbers({
        committed,
        found: { seconds: 1, methods: [{ accuracy: 0.985, tokens: 16 }, { accuracy: 0.99 }] },
        tolerances,
      }),
    ).toEqual([]);
    expect(compareNumbers({ committed, found: { methods: [{ accuracy: 0.97, tokens: 17 }] }, tolerances })).toEqual([
      'methods.Heima.accuracy is 1, the code gives 0.97 (tolerance 0.02)',
      'methods.Heima.tokens is 16, the code gives 17 (tolerance 0)',
      'methods.Chain.accuracy is 0.99, and missing in what the code gives',
    ]);
  });

  it('has pages whose tables are those of the JSON files', () => {
    expect(pagesOutOfDate(fileURLToPath(new URL('../../../', import.meta.url)))).toEqual([]);
  });

  it('has pages with a place that says which code gave their numbers', () => {
    expect(pagesWithoutNotice(fileURLToPath(new URL('../../../', import.meta.url)))).toEqual([]);
  });

  it('says whether code changed since, and what was seen to be the same', () => {
    const file = 'docs/results/graphs.json';
    const age = { commit: '0123456789abcdef', date: '2026-01-02', changed: true };
    expect(ageInWords({ file, age })).toBe(
      '`graphs.json`: made with the code of 0123456 (2026-01-02); **code that it rests on has changed since**, and may give other numbers.',
    );
    expect(
      ageInWords({
        file,
        age: {
          ...age,
          changed: false,
          confirmed: { commit: 'fedcba9876543210', what: 'the first steps end at the same bytes' },
        },
      }),
    ).toBe(
      '`graphs.json`: made with the code of 0123456 (2026-01-02); with that of fedcba9, the first steps end at the same bytes; nothing that it rests on has changed since fedcba9.',
    );
    expect(ageInWords({ file, age: undefined })).toBe('`graphs.json`: git cannot say of which commit.');
  });

  it('takes for a change of code what runs otherwise, not comments, types, format and versions', async () => {
    const root = await mkdtemp(join(tmpdir(), 'subtext-results-'));
    try {
      const git = (...words: string[]) => {
        const { status, stdout } = spawnSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...words], {
          cwd: root,
          encoding: 'utf8',
        });
        expect(status).toBe(0);
        return stdout.trim();
      };
      const commit = async (files: Record<string, string>) => {
        for (const [name, text] of Object.entries(files)) await writeFile(join(root, name), text);
        git('add', '.');
        git('commit', '-qm', 'step', '--no-gpg-sign');
        return git('rev-parse', 'HEAD');
      };
      const changed = (from: string, paths = ['.']) => codeChanged({ root, from, paths });
      git('init', '-q');
      const manifest = { version: '0.1.0', dependencies: { zod: '4.0.0' } };
      const first = await commit({
        'sum.ts': '// A sum.\nexport const sum = (a: number, b: number) => a + b;\n',
        'package.json': JSON.stringify(manifest),
        'kernel.cc': '// C++',
      });
      const second = await commit({
        'sum.ts':
          '/** The sum of two. */\nexport type Sum = number;\nexport const sum = (a: number, b: number): Sum =>\n  a + b;\n',
        'package.json': JSON.stringify({ ...manifest, version: '0.2.0', devDependencies: { vite: '8.0.0' } }),
      });
      expect(changed(first)).toBe(false);
      expect(changed('no-such-commit')).toBeUndefined();
      await commit({ 'kernel.cc': '// C++, whose comments count: nothing reads it' });
      expect(changed(second, ['kernel.cc'])).toBe(true);
      expect(changed(second, ['*.ts'])).toBe(false);
      await commit({ 'package.json': JSON.stringify({ ...manifest, dependencies: { zod: '4.1.0' } }) });
      expect(changed(second, ['package.json'])).toBe(true);
      await commit({ 'sum.ts': 'export const sum = (a: number, b: number) => b + a;\n' });
      expect(changed(second, ['*.ts'])).toBe(true);
      const last = await commit({ 'new.ts': '// Nothing yet' });
      expect(changed(last)).toBe(false);
      expect(changed(second, ['new.ts'])).toBe(true);
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });
});
