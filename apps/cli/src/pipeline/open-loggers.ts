import { loadLogger, type RunLogger, TensorBoardLogger, WandbLogger } from '@subtext/trainer';

import type { TrainConfiguration } from '../configuration/schema';

/** The logs that a configuration asks for beside `log.jsonl`. A module that cannot be used is refused here, before anything is trained. */
export async function openLoggers({ tensorboard, wandb, modules }: TrainConfiguration['logs']): Promise<RunLogger[]> {
  const loggers: RunLogger[] = [];
  if (tensorboard) loggers.push(new TensorBoardLogger());
  if (wandb) loggers.push(new WandbLogger(wandb));
  for (const module of modules)
    loggers.push(
      await (typeof module === 'string'
        ? loadLogger({ module })
        : loadLogger({ module: module.path, options: module.options })),
    );
  return loggers;
}
