import { redact } from '@subtext/core';
import { readTextFile } from '@subtext/core/node';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

import { writeAtomically } from '../checkpoint/atomic-files';
import { TrainerError } from '../errors';
import { measuresOf, type RunLogEntry, type RunLogger, type RunLoggerStart } from './run-logger';

export interface WandbLoggerOptions {
  /** The project that runs go to. @default W&B's own ("uncategorized", or WANDB_PROJECT) */
  project?: string;
  /** The user or team. @default W&B's own, or WANDB_ENTITY */
  entity?: string;
  /** What the run is called. @default the folder's name */
  name?: string;
  /** The Python that has W&B's package. @default 'python3' */
  python?: string;
}

/**
 * What runs in Python: W&B's own package, fed line by line. W&B keeps steps in order and takes none twice, so lines of
 * steps that it has already are passed over.
 */
const program = `
import sys
# Neither this program nor those that it starts take modules from the folder that it is started in.
sys.path = [place for place in sys.path if place not in ("", ".")]
import json
try:
    import wandb
except ImportError:
    sys.exit("the Python package wandb is not installed; install it with: pip install wandb")
begin = json.loads(sys.stdin.readline())
run = wandb.init(resume="allow", **begin)
print("ready", flush=True)
last = run.step - 1 if run.resumed else -1
status = "failed"
for line in sys.stdin:
    message = json.loads(line)
    if "status" in message:
        status = message["status"]
    elif message["step"] > last:
        last = message["step"]
        run.log({name: float("nan") if value is None else value for name, value in message["measures"].items()}, step=last)
run.finish(exit_code=1 if status == "failed" else 0)
`;

/** Bytes that the process may print, and bytes that may wait for it to read them. */
const MOST_PRINTED = 64 * 2 ** 20;
const MOST_WAITING = 64 * 2 ** 20;

/** The file in a run's folder that keeps the id that W&B knows the run by, so that a resumed run is the same one there. */
const idFile = 'wandb.json';

/**
 * Sends a run's measures to Weights & Biases through W&B's own Python package, which must be installed; Subtext does not
 * depend on it. W&B's settings are those of its environment: `WANDB_API_KEY`, `WANDB_MODE=offline` and others.
 */
export class WandbLogger implements RunLogger {
  readonly name = 'wandb';
  readonly #options: WandbLoggerOptions;
  #child: ChildProcess | undefined;
  #errors = '';
  #ready = false;
  #dropped: string | undefined;

  constructor(options: WandbLoggerOptions = {}) {
    this.#options = options;
  }

  async start({ folder, configuration, entries }: RunLoggerStart): Promise<void> {
    const {
      python = 'python3',
      project,
      entity,
      name = folder
        .replace(/[/\\]+$/, '')
        .split(/[/\\]/)
        .at(-1),
    } = this.#options;
    const id = await runId(folder);
    const child = spawn(python, ['-c', program], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, PYTHONSAFEPATH: '1' },
    });
    this.#child = child;
    let printed = 0;
    const hear = (data: Buffer): void => {
      printed += data.byteLength;
      if (printed > MOST_PRINTED) this.#drop(`it printed more than ${MOST_PRINTED / 2 ** 20} MiB`);
    };
    child.stderr.on('data', (data: Buffer) => {
      hear(data);
      this.#errors = (this.#errors + data.toString()).slice(-2_000);
    });
    // What is written after the process has ended is lost; its end is told by what follows.
    child.stdin.on('error', () => undefined);
    const ready = new Promise<void>((resolve, reject) => {
      child.once('error', (error) => reject(this.#failure(error.message)));
      child.once('close', () => reject(this.#failure()));
      let begun = '';
      child.stdout.on('data', (data: Buffer) => {
        hear(data);
        if (this.#ready) return;
        begun = (begun + data.toString()).slice(-2_000);
        this.#ready = begun.split('\n').includes('ready');
        if (this.#ready) resolve();
      });
    });
    this.#send({
      id,
      name,
      dir: folder,
      config: configuration,
      ...(project === undefined ? {} : { project }),
      ...(entity === undefined ? {} : { entity }),
    });
    await ready;
    for (const entry of entries) this.log(entry);
  }

  log(entry: RunLogEntry): void {
    if (this.#child!.exitCode !== null || this.#dropped !== undefined) throw this.#failure(this.#dropped);
    if (this.#child!.stdin!.writableLength > MOST_WAITING) {
      this.#drop('it does not read what it is told');
      throw this.#failure(this.#dropped);
    }
    this.#send({ step: entry.step, measures: measuresOf(entry) });
  }

  async finish(end: { status: 'finished' | 'stopped' | 'failed' }): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const closed = child.exitCode === null ? once(child, 'close') : undefined;
    this.#send(end);
    child.stdin!.end();
    await closed;
    if (child.exitCode !== 0 && end.status !== 'failed') throw this.#failure();
  }

  /** A process that has begun is left to send what it has; one that never began is ended. */
  dispose(): void {
    const child = this.#child;
    if (!child || child.exitCode !== null) return;
    child.stdin!.destroy();
    if (!this.#ready || this.#dropped !== undefined) child.kill('SIGKILL');
    child.unref();
    child.stdout!.destroy();
    child.stderr!.destroy();
  }

  #drop(reason: string): void {
    this.#dropped ??= reason;
    this.#child!.kill('SIGKILL');
  }

  #send(message: Record<string, unknown>): void {
    this.#child!.stdin!.write(`${JSON.stringify(message)}\n`);
  }

  #failure(reason?: string): TrainerError {
    const last = withoutKeys(this.#errors.trim().split('\n').at(-1) ?? '');
    return new TrainerError({
      code: 'invalid-option',
      message: `W&B's Python program ended (${reason ?? (last === '' ? `exit code ${this.#child?.exitCode}` : last)}).`,
    });
  }
}

/** What Python wrote, without what may be a key: values of the environment that are named so, long hexadecimal numbers, passwords in addresses. */
function withoutKeys(text: string): string {
  const secrets = Object.entries(process.env).flatMap(([name, value]) =>
    /key|token|secret|passw|credential/i.test(name) && value !== undefined ? [value] : [],
  );
  return redact({ text, secrets })
    .replace(/\b[0-9a-fA-F]{32,}\b/g, '***')
    .replace(/\b((?:api[-_ ]?)?key|token|password|secret)(["']?\s*[=:]\s*["']?)[^\s"',;]{6,}/gi, '$1$2***');
}

/** The id that W&B knows a run by. */
async function runId(folder: string): Promise<string> {
  const path = join(folder, idFile);
  const kept = await readTextFile({ path, maximumBytes: 65_536 })
    .then((text) => (JSON.parse(text) as { id?: unknown } | null)?.id)
    .catch(() => undefined);
  if (typeof kept === 'string' && /^[0-9a-z]{1,64}$/.test(kept)) return kept;
  const id = randomBytes(8).toString('hex');
  await writeAtomically({ path, data: `${JSON.stringify({ id })}\n` });
  return id;
}
