import { readRegularFile } from '@subtext/core/node';
import { UsageError } from '@subtext/terminal';
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { describeOffer } from './describe-offer';
import type { Served } from './offer';

/** The most bytes of models that a page takes with it: a browser has to read all of it as text. */
const MOST_BYTES = 64 * 2 ** 20;

const base64 = async (path: string) => (await readRegularFile({ path, maximumBytes: MOST_BYTES })).toString('base64');
const digest = (script: string) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`;
/** JSON that can stand in a script element, whatever it says. */
const inElement = (value: unknown) => JSON.stringify(value).replaceAll('<', '\\u003c');

/**
 * The inspector as one file that opens by a double click and runs: the page, its worker, the engine, models and examples
 * in it. Its content security policy allows this one script, by its hash, and no address beyond the file.
 */
export async function exportPage({
  page,
  served,
  view,
}: {
  /** The folder of the built page. */
  page: string;
  served: Served;
  /** Where it opens: the part of a link behind `#`. */
  view?: string;
}): Promise<string> {
  const size = served.models.flatMap(({ files }) => files).reduce((sum, one) => sum + one.size, 0);
  if (size > MOST_BYTES)
    throw new UsageError(
      `The models are ${Math.ceil(size / 2 ** 20)} MiB, but a page can include at most ${MOST_BYTES / 2 ** 20}. Leave out --export to open them with the server.`,
    );
  const names = await readdir(join(page, 'assets'));
  const asset = async (pattern: RegExp) =>
    (
      await readRegularFile({
        path: join(
          page,
          'assets',
          names.find((name) => pattern.test(name))!,
        ),
      })
    ).toString('utf8');
  const [script, style, worker] = [
    await asset(/^index-.*\.js$/),
    await asset(/^index-.*\.css$/),
    await asset(/^webgpu-worker-.*\.js$/),
  ];
  const engine = join(
    page,
    'assets',
    names.find((name) => /wasm-simd-.*\.wasm$/.test(name))!,
  );
  const files = await Promise.all(
    served.models.map((model) =>
      Promise.all(model.files.map(async ({ path }) => `data:application/octet-stream;base64,${await base64(path)}`)),
    ),
  );
  const images = await Promise.all(
    served.examples.map(async ({ image }) =>
      image === undefined ? '' : `data:application/octet-stream;base64,${await base64(image.path)}`,
    ),
  );
  const pictures = await Promise.all(
    served.pictures.map(async (path) => `data:application/octet-stream;base64,${await base64(path)}`),
  );
  const offer = describeOffer({
    served,
    fileAddress: (model, file) => files[model]![file]!,
    imageAddress: (example) => images[example]!,
    pictureAddress: (picture) => pictures[picture]!,
    view,
  });
  // The worker is a text without a place of its own: the engine's file, which it would look for beside itself, is in it.
  const inside = `self.subtextPlace='https://inside.invalid/';{const bytes=Uint8Array.from(atob(${JSON.stringify(await base64(engine))}),(one)=>one.charCodeAt(0));self.fetch=async()=>new Response(bytes,{headers:{'content-type':'application/wasm'}})}`;
  const own = `${inside}\n${worker.replaceAll('self.location.href', 'self.subtextPlace')}`;
  // A module has no address in a file; what it says of its own is only used where the worker is a file.
  const inline = script.replaceAll('import.meta.url', "'https://inside.invalid/'").replaceAll('</script', '<\\/script');
  const policy = [
    "default-src 'none'",
    `script-src ${digest(inline)} 'wasm-unsafe-eval'`,
    'worker-src blob:',
    "style-src 'unsafe-inline'",
    'img-src data: blob:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Subtext inspector</title>
<style>${style.replaceAll('</style', '<\\/style')}</style>
</head>
<body>
<div id="page"></div>
<script type="application/json" id="subtext-offer">${inElement(offer)}</script>
<script type="text/plain" id="subtext-worker">${Buffer.from(own).toString('base64')}</script>
<script type="module">${inline}</script>
</body>
</html>
`;
}
