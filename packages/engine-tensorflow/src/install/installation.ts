import { TensorError } from '@subtext/tensor';

import type { LoadedTensorflow } from '../load-tensorflow-package';

export interface InstallProgress {
  stage: 'look' | 'package' | 'download' | 'unpack' | 'compile' | 'verify' | 'done';
  message: string;
  /** Of this stage, 0 to 1, where it is known. */
  fraction: number | null;
}

export interface TensorflowInstallation extends LoadedTensorflow {
  /** `present`: one that already loads was left alone. */
  source: 'present' | 'google' | 'wheel';
  /** The tfjs-node package's folder. */
  folder: string;
  /** What was tried before, and why it did not do. */
  tried: { source: string; problem: string }[];
  /** Whether Subtext's own kernels are there; only for a processor. Without them the engine works, but slower. */
  kernels: { compiled: boolean; /** Why not. */ problem: string | null };
  /** What `SUBTEXT_ENGINES` has to be for the engine to be found; null where it is found as things are. */
  setEngines: string | null;
}

/** The `tensorflow` engine could not be installed; lists everything that was tried. */
export class InstallationError extends TensorError {
  override readonly name = 'InstallationError';
  readonly tried: TensorflowInstallation['tried'];

  constructor({ message, tried, cause }: { message: string; tried: TensorflowInstallation['tried']; cause?: unknown }) {
    super({ code: 'installation-failed', message, cause });
    this.tried = tried;
  }
}
