import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** The files of folders that are called fixtures, with their sizes. */
function fixtures(folder: string, inside = false): { path: string; bytes: number }[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isFile()) return inside ? [{ path, bytes: statSync(path).size }] : [];
    if (!entry.isDirectory() || entry.name === 'node_modules' || entry.name === 'dist') return [];
    return fixtures(path, inside || entry.name === 'fixtures');
  });
}

it('all fixtures together stay below 8 MB, which every clone downloads', () => {
  const files = [...fixtures(join(root, 'packages')), ...fixtures(join(root, 'apps'))];
  expect(files.length).toBeGreaterThan(100);
  expect(files.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(8e6);
});
