import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { acquireLock, LockError, type LockHolder, withLock } from './lock';
import { statusOf } from './process-identity';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-lock-'));
  path = join(folder, 'x.lock');
});

async function left(content: string, ageMilliseconds: number): Promise<void> {
  await writeFile(path, content);
  const then = new Date(Date.now() - ageMilliseconds);
  await utimes(path, then, then);
}

describe('acquireLock', () => {
  it('is held once, given back, and leaves nothing behind', async () => {
    const lock = await acquireLock({ path });
    await expect(acquireLock({ path })).rejects.toSatisfy(
      (error) => LockError.isInstance(error) && error.holder?.process === process.pid,
    );
    await lock.release();
    await withLock({ path, action: async () => expect(await readdir(folder)).toEqual(['x.lock']) });
    expect(await readdir(folder)).toEqual([]);
  });

  it('waits, says so once, and gives up in time', async () => {
    const lock = await acquireLock({ path });
    let told = 0;
    await expect(acquireLock({ path, waitMilliseconds: 500, onWait: () => (told += 1) })).rejects.toMatchObject({
      code: 'locked',
    });
    expect(told).toBe(1);
    setTimeout(() => void lock.release(), 300);
    await (await acquireLock({ path, waitMilliseconds: 5_000 })).release();
  });

  it.skipIf(process.platform !== 'linux')(
    'takes over the lock of a process that has ended though nobody took note, and waits for one that its launcher left',
    async () => {
      const lock = await acquireLock({ path });
      const own = JSON.parse(await readFile(path, 'utf8')) as LockHolder;
      await lock.release();
      /** What holds the lock, started by a process that goes on and takes note of no end. */
      const launched = async (command: string) => {
        const shell = spawn('sh', ['-c', `${command} & echo $!; exec sleep 60`], {
          stdio: ['ignore', 'pipe', 'ignore'],
        });
        const child = Number(
          await new Promise((resolve) => shell.stdout.once('data', (data) => resolve(String(data)))),
        );
        const holder = { ...own, process: child, parent: shell.pid!, started: (await statusOf(child))?.started };
        await left(JSON.stringify(holder), 0);
        return { shell, child };
      };
      const zombie = await launched('sleep 0.2');
      await expect.poll(async () => (await statusOf(zombie.child))?.ended).toBe(true);
      await (await acquireLock({ path })).release();
      zombie.shell.kill('SIGKILL');

      const orphan = await launched('sleep 60');
      await expect(acquireLock({ path })).rejects.toMatchObject({ code: 'locked' });
      orphan.shell.kill('SIGKILL');
      await expect.poll(async () => (await statusOf(orphan.child))?.parent).not.toBe(orphan.shell.pid);
      let waitedFor: LockHolder | undefined;
      await expect(acquireLock({ path, orphanMilliseconds: 50 })).rejects.toMatchObject({ code: 'locked' });
      const taken = acquireLock({ path, onWait: (holder) => (waitedFor = holder) });
      setTimeout(() => process.kill(orphan.child, 'SIGKILL'), 300);
      await (await taken).release();
      expect(waitedFor?.process).toBe(orphan.child);
    },
  );

  it.each([
    [
      'of a dead process of this machine',
      () => JSON.stringify({ process: spawnSync(process.execPath, ['-e', '']).pid, host: hostname() }),
      400_000,
    ],
    ["of this process's number, used again", () => JSON.stringify({ process: process.pid, host: hostname() }), 400_000],
    ['of another machine, silent for long', () => JSON.stringify({ process: 1, host: 'pod-7f9c' }), 400_000],
    ['in the form of earlier versions', () => JSON.stringify({ process: 4242, machine: 'pod-7f9c' }), 400_000],
    ['half written', () => '{"process": 12', 20_000],
    ['null', () => 'null', 20_000],
    ['empty', () => '', 20_000],
  ])('takes over a lock %s', async (_, content, age) => {
    await left(content(), age);
    await (await acquireLock({ path })).release();
  });

  it.each([
    ['of another machine that gave a sign of life', () => JSON.stringify({ process: 1, host: 'pod-7f9c' }), 60_000],
    [
      'of another process namespace',
      () => JSON.stringify({ process: 99_999_999, host: hostname(), space: 'other pid:[1]' }),
      60_000,
    ],
    ['that is being written', () => '{"proc', 0],
  ])('leaves a lock %s', async (_, content, age) => {
    await left(content(), age);
    await expect(acquireLock({ path })).rejects.toMatchObject({ code: 'locked' });
  });

  it('lets one of many take a stale lock', async () => {
    await left(JSON.stringify({ process: 1, host: 'gone' }), 400_000);
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => acquireLock({ path })));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('is respected by other threads of its process, until they have not heard of its holder for long', async () => {
    // A second copy of the module knows as much of the first as another thread does: nothing.
    const address = './lock?another-thread';
    const other = (await import(address)) as typeof import('./lock');
    expect(other.acquireLock).not.toBe(acquireLock);
    const lock = await acquireLock({ path });
    await expect(other.acquireLock({ path })).rejects.toMatchObject({ code: 'locked' });
    await lock.release();
    await (await other.acquireLock({ path })).release();

    await acquireLock({ path });
    const then = new Date(Date.now() - 400_000);
    await utimes(path, then, then);
    await (await other.acquireLock({ path })).release();
  });

  it('is held by one at a time, however many of a process want it', async () => {
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((done) => setTimeout(done, 2));
      inside -= 1;
    };
    await Promise.all(
      Array.from({ length: 12 }, async (_, index) => {
        await new Promise((done) => setTimeout(done, index % 4));
        await withLock({ path, waitMilliseconds: 60_000, action: work });
      }),
    );
    expect(most).toBe(1);
    expect(await readdir(folder)).toEqual([]);
  });
});
