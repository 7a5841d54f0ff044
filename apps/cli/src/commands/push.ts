import { planPush, pushAddress, pushFolder } from '@subtext/hub';
import { commandName, createOutput, interruptSignal, UsageError } from '@subtext/terminal';
import { Command } from 'commander';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import { pushCard } from '../push/push-card';

interface PushOptions {
  results?: string;
  audit?: string;
  license?: string;
  private?: boolean;
  message: string;
  yes: boolean;
  json: boolean;
}

/** The model's folder, and that of the run that made it, where there is one. */
function foldersOf(given: string): { folder: string; run?: string } {
  const folder = resolve(given);
  if (!existsSync(folder)) throw new UsageError(`There is no folder ${given}.`);
  if (existsSync(join(folder, 'reasoner', 'subtext.json'))) return { folder: join(folder, 'reasoner'), run: folder };
  if (!existsSync(join(folder, 'config.json')) && !existsSync(join(folder, 'adapter_config.json')))
    throw new UsageError(
      `${given} is not a model folder: it has no config.json. Give a run folder, or a model folder such as runs/qwen/reasoner.`,
    );
  const run = dirname(folder);
  return existsSync(join(run, 'configuration.json')) ? { folder, run } : { folder };
}

const size = (bytes: number): string =>
  bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

export function pushCommand(): Command {
  return new Command('push')
    .argument('<folder>', 'a run folder or model folder')
    .argument('<id>', 'OWNER/NAME on the Hugging Face Hub; created if it does not exist')
    .option('--results <folder>', "output of `eval run`, for the model card (default: the run's `evaluation`)")
    .option('--audit <folder>', "output of `eval audit`, for the model card (default: the run's `audit`)")
    .option('--license <id>', 'licence for the model card, by its Hub id, such as apache-2.0')
    .option('--private', 'create the repository as private')
    .option('--message <text>', 'commit message', 'Upload by Subtext')
    .option('--yes', 'upload; without it, show what would be uploaded', false)
    .option('--json', 'print one JSON object per line', false)
    .action(async (given: string, id: string, options: PushOptions) => {
      const output = createOutput({ json: options.json });
      const { folder, run } = foldersOf(given);
      const address = pushAddress({ id });
      const { results, audit, license } = options;
      const card = await pushCard({ folder, run, results, audit, license });
      for (const notice of card.notices) output.notice(notice);
      const texts: Record<string, string> = card.text === undefined ? {} : { 'README.md': card.text };
      const files = await planPush({ folder, texts });
      const bytes = files.reduce((sum, file) => sum + file.size, 0);
      if (!options.yes) {
        const width = Math.max(...files.map(({ path }) => path.length));
        output.event(
          {
            event: 'planned',
            address,
            files: files.map(({ path, size: length }) => ({ path, size: length })),
            bytes,
            card: card.text ?? null,
          },
          [
            `Would send ${files.length} files, ${size(bytes)}, to ${address}:`,
            ...files.map((file) => `  ${file.path.padEnd(width)}  ${size(file.size)}`),
            ...(card.text === undefined
              ? []
              : [
                  '',
                  'The card:',
                  '',
                  ...card.text
                    .trimEnd()
                    .split('\n')
                    .map((line) => `  ${line}`.trimEnd()),
                ]),
            '',
            `Nothing was sent. Send it with ${commandName()} push ${JSON.stringify(given)} ${id} --yes`,
          ].join('\n'),
        );
        return;
      }
      const signal = interruptSignal({ saves: false });
      const pushed = await pushFolder({
        folder,
        id,
        texts,
        private: options.private,
        message: options.message,
        signal,
        onProgress: ({ bytes: done, totalBytes: total }) => output.progress({ label: 'Sending', done, total }),
      });
      output.event(
        { event: 'pushed', ...pushed },
        `Sent ${pushed.files} files, ${size(pushed.bytes)}: ${pushed.url} (commit ${pushed.commit.slice(0, 8)})`,
      );
    });
}
