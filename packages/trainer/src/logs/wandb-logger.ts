import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
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
import json, sys
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

  constructor(options: WandbLoggerOptions = {}) {
    this.#options = options;
  }

  async start({ folder, configuration, entries }: RunLoggerStart): Promise<void> {
    const { python = 'python3', project, entity, name = folder.replace(/[/\\]+$/, '').split(/[/\\]/).at(-1) } = this.#options;
    const id = await runId(folder);
    const child = spawn(python, ['-c', program], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child = child;
    child.stderr.on('data', (data: Buffer) => (this.#errors = (this.#errors + data.toString()).slice(-2_000)));
    // What is written after the process has ended is lost; its end is told by what follows.
    child.stdin.on('error', () => undefined);
    const ready = new Promise<void>((resolve, reject) => {
      child.once('error', (error) => reject(this.#failure(error.message)));
      child.once('close', () => reject(this.#failure()));
      child.stdout.on('data', (data: Buffer) => {
        if (data.toString().split('\n').includes('ready')) resolve();
      });
    });
    this.#send({ id, name, dir: folder, config: configuration, ...(project === undefined ? {} : { project }), ...(entity === undefined ? {} : { entity }) });
    await ready;
    for (const entry of entries) this.log(entry);
  }

  log(entry: RunLogEntry): void {
    if (this.#child!.exitCode !== null) throw this.#failure();
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

  #send(message: Record<string, unknown>): void {
    this.#child!.stdin!.write(`${JSON.stringify(message)}\n`);
  }

  #failure(reason?: string): TrainerError {
    const last = this.#errors.trim().split('\n').at(-1) ?? '';
    return new TrainerError({ code: 'INVALID_OPTION', message: `W&B's Python program ended (${reason ?? (last === '' ? `exit code ${this.#child?.exitCode}` : last)}).` });
  }
}

/** The id that W&B knows a run by. */
async function runId(folder: string): Promise<string> {
  const path = join(folder, idFile);
  const kept = await readFile(path, 'utf8').then((text) => (JSON.parse(text) as { id?: unknown }).id, () => undefined);
  if (typeof kept === 'string') return kept;
  const id = randomBytes(8).toString('hex');
  await writeAtomically({ path, data: `${JSON.stringify({ id })}\n` });
  return id;
}
