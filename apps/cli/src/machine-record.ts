import { engineChoice } from '@subtext/tensor';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { dirname, join, resolve } from 'node:path';

import { packageFolder } from './package-folder';
import { version } from '../package.json';

/** What a result was computed with. */
export interface MachineRecord {
  /** The engine that computed: what `auto` took, not what was asked for. */
  engine: string | null;
  /** Its device and the version of its library. */
  device: string | null;
  processor: string;
  /** Threads that the process may use. */
  threads: number;
  /** The most bytes of memory that the process had. */
  peakBytes: number;
  platform: string;
  node: string;
  /** Subtext's version, and the commit of its clone; null for an installed package. */
  subtext: string;
  commit: string | null;
}

/** The record of this process. */
export function machineRecord(): MachineRecord {
  const choice = engineChoice();
  return {
    engine: choice?.name ?? null,
    device: choice?.device.name ?? null,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    threads: availableParallelism(),
    peakBytes: process.resourceUsage().maxRSS * 1024,
    platform: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    subtext: version,
    commit: commitOf(packageFolder()),
  };
}

/** The commit that a clone stands at, read from its files: running git could run what the clone's settings name. */
function commitOf(folder: string): string | null {
  let root = folder;
  while (!existsSync(join(root, 'pnpm-workspace.yaml'))) {
    if (dirname(root) === root) return null;
    root = dirname(root);
  }
  try {
    const dot = join(root, '.git');
    // In a further work tree `.git` is a file that says where its own folder is.
    const link = /^gitdir: (.+)$/m.exec(readOr(dot))?.[1];
    const own = link === undefined ? dot : resolve(root, link.trim());
    const common = readOr(join(own, 'commondir')).trim();
    const shared = common === '' ? own : resolve(own, common);
    const head = readFileSync(join(own, 'HEAD'), 'utf8').trim();
    const reference = /^ref: (.+)$/.exec(head)?.[1];
    if (reference === undefined) return commit(head);
    const packed = readOr(join(shared, 'packed-refs'))
      .split('\n')
      .find((line) => line.endsWith(` ${reference}`));
    return (
      commit(readOr(join(own, reference)).trim()) ??
      commit(readOr(join(shared, reference)).trim()) ??
      commit(packed?.split(' ')[0] ?? '')
    );
  } catch {
    return null;
  }
}

function commit(text: string): string | null {
  return /^[0-9a-f]{40,64}$/.test(text) ? text : null;
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
