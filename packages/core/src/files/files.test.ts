import { spawnSync } from 'node:child_process';
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { writeFileAtomically } from './atomic-file';
import { readRegularFile, readTextFile } from './read-file';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-files-'));
});

describe('readRegularFile', () => {
  it('reads files, and through links', async () => {
    await writeFile(join(folder, 'a'), 'text');
    await symlink('a', join(folder, 'b'));
    expect(await readTextFile({ path: join(folder, 'b') })).toBe('text');
  });

  it.skipIf(process.platform === 'win32')('refuses pipes and devices without waiting for them', async () => {
    spawnSync('mkfifo', [join(folder, 'pipe')]);
    await expect(readRegularFile({ path: join(folder, 'pipe') })).rejects.toMatchObject({ code: 'not-a-file' });
    await expect(readRegularFile({ path: '/dev/zero' })).rejects.toMatchObject({ code: 'not-a-file' });
  });

  it('names what is wrong', async () => {
    await writeFile(join(folder, 'big'), 'x'.repeat(11));
    await writeFile(join(folder, 'latin'), Buffer.from([0x63, 0x61, 0x66, 0xe9]));
    await expect(readRegularFile({ path: join(folder, 'none') })).rejects.toMatchObject({ code: 'not-found' });
    await expect(readRegularFile({ path: folder })).rejects.toMatchObject({ code: 'not-a-file' });
    await expect(readRegularFile({ path: join(folder, 'big'), maximumBytes: 10 })).rejects.toMatchObject({
      code: 'too-large',
    });
    await expect(readTextFile({ path: join(folder, 'latin') })).rejects.toMatchObject({ code: 'invalid-text' });
  });
});

describe('writeFileAtomically', () => {
  it('replaces a file, leaves nothing else behind', async () => {
    const path = join(folder, 'a');
    await writeFileAtomically({ path, data: 'one' });
    await writeFileAtomically({ path, data: 'two' });
    expect(await readFile(path, 'utf8')).toBe('two');
    expect(await readdir(folder)).toEqual(['a']);
  });

  it('replaces a link and does not follow it', async () => {
    await writeFile(join(folder, 'foreign'), 'keep');
    await symlink('foreign', join(folder, 'a'));
    await writeFileAtomically({ path: join(folder, 'a'), data: 'new' });
    expect(await readFile(join(folder, 'foreign'), 'utf8')).toBe('keep');
    expect((await lstat(join(folder, 'a'))).isFile()).toBe(true);
  });

  it.skipIf(process.platform === 'win32')('keeps secrets from others', async () => {
    await writeFileAtomically({ path: join(folder, 'secret'), data: '', mode: 0o600 });
    expect((await stat(join(folder, 'secret'))).mode & 0o777).toBe(0o600);
  });

  it('refuses folders, and folders that are not there', async () => {
    await mkdir(join(folder, 'sub'));
    await expect(writeFileAtomically({ path: join(folder, 'sub'), data: '' })).rejects.toMatchObject({
      code: 'not-a-file',
    });
    await expect(writeFileAtomically({ path: join(folder, 'none', 'a'), data: '' })).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  it.skipIf(process.platform === 'win32' || process.getuid?.() === 0)('names missing permission', async () => {
    await chmod(folder, 0o500);
    await expect(writeFileAtomically({ path: join(folder, 'a'), data: '' })).rejects.toMatchObject({
      code: 'input-output',
    });
  });
});
