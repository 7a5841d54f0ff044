import { writeFileAtomically } from '@subtext/core/node';
import {
  commandName,
  createOutput,
  findModel,
  interruptSignal,
  positiveWholeNumber,
  repeated,
  UsageError,
  wholeNumber,
} from '@subtext/terminal';
import { Command } from 'commander';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { readAudit } from '../inspect/audits';
import { exportPage } from '../inspect/export-page';
import { findServed } from '../inspect/offer';
import { type PageServer, servePage } from '../inspect/serve';

interface InspectOptions {
  model: string[];
  data?: string;
  runs: string[];
  audit: string[];
  limit: number;
  port?: number;
  open: boolean;
  export?: string;
  view?: string;
  json: boolean;
}

/** The port that is tried where none is named, so that links stay good from one start to the next. */
const PORT = 4747;

/** The folder of the built page. */
function pageFolder(): string {
  const require = createRequire(import.meta.url);
  const folder = join(dirname(require.resolve('@subtext/inspector/package.json')), 'dist');
  if (!existsSync(join(folder, 'index.html')))
    throw new UsageError(`The inspector's page is not built: ${folder} has no index.html. Run \`npm run bootstrap\`.`);
  return folder;
}

export function inspectCommand(): Command {
  return new Command('inspect')
    .option('--model <folder>', 'a model folder or Hugging Face Hub id; repeat to compare', repeated, [])
    .option('--data <path>', 'a folder or file of examples (default: the folder data next to the first model)')
    .option('--runs <folder>', 'a folder of training runs', repeated, [])
    .option('--audit <folder>', 'output of subtext-eval audit (default: found next to the models)', repeated, [])
    .option('--limit <count>', 'number of examples to load', positiveWholeNumber, 200)
    .option('--port <number>', `server port (default: ${PORT}, or a free one)`, wholeNumber)
    .option('--no-open', 'do not open the browser')
    .option('--export <file>', 'write a self-contained HTML file with the models, instead of starting a server')
    .option('--view <link>', 'with --export: the initial view, the part of a link after #')
    .option('--json', 'print one JSON object', false)
    .action(async (options: InspectOptions) => {
      const output = createOutput({ json: options.json });
      if (options.view !== undefined && options.export === undefined)
        throw new UsageError('--view says where an exported page opens; give it with --export.');
      if (options.port !== undefined && options.port > 65_535)
        throw new UsageError(`A port can be at most 65535, not ${options.port}.`);
      const signal = interruptSignal({ saves: false });
      const page = pageFolder();
      const models: string[] = [];
      for (const model of options.model) models.push(await findModel({ model, signal }));
      const { data, runs, audit: audits, limit } = options;
      for (const folder of audits)
        if ((await readAudit(join(folder, 'audit.json'))) === undefined)
          throw new UsageError(
            `${folder} contains no finished audit: no audit.json written by \`subtext-eval audit\`.`,
          );
      const served = await findServed({ models, data, runs, audits, limit });
      for (const problem of served.problems) output.notice(problem);
      if (options.export !== undefined) {
        const html = await exportPage({ page, served, view: options.view });
        await writeFileAtomically({ path: options.export, data: html });
        output.event(
          { event: 'exported', file: options.export, bytes: Buffer.byteLength(html) },
          `Wrote ${options.export} (${(Buffer.byteLength(html) / 2 ** 20).toFixed(1)} MiB): it opens by a double click.`,
        );
        return;
      }
      const server = await start({ page, served, port: options.port });
      const shown = [...models, ...(served.data === undefined ? [] : [served.data]), ...options.runs].join(', ');
      output.event(
        {
          event: 'serving',
          address: server.address,
          models,
          data: served.data ?? null,
          examples: served.examples.length,
        },
        `The inspector is at ${server.address}\nIt reads ${shown === '' ? 'no folder: choose one in the page' : shown}, and answers this machine only. Ctrl+C ends it.`,
      );
      if (options.open) openBrowser(server.address);
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener('abort', () => resolve(), { once: true });
      });
      await server.close();
    });
}

async function start(options: Omit<Parameters<typeof servePage>[0], 'port'> & { port?: number }): Promise<PageServer> {
  const { port } = options;
  try {
    return await servePage({ ...options, port: port ?? PORT });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    if (port !== undefined)
      throw new UsageError(
        `Port ${port} is in use. Choose another, or none: \`${commandName()} inspect\` finds a free one.`,
      );
    return servePage({ ...options, port: 0 });
  }
}

/** Opens the address, where there is a program that does; the address is printed in any case. */
function openBrowser(address: string): void {
  const [program, ...words] =
    process.platform === 'darwin'
      ? ['open', address]
      : process.platform === 'win32'
        ? ['cmd', '/c', 'start', '""', address.replaceAll('&', '^&')]
        : ['xdg-open', address];
  const opened = spawn(program!, words, { stdio: 'ignore', detached: true });
  opened.on('error', () => undefined);
  opened.unref();
}
