/**
 * The documentation as a site, in site/dist: `npm run site`. Installs VitePress and TypeDoc into site/node_modules, which the
 * workspace does without.
 *
 *   npm run site -- [--model FOLDER] [--without-demo] [--without-api] [--serve]
 *
 * The landing page shows a model at work: the inspector's export of `--model` (runs/start/reasoner, which `npm start` leaves).
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { pageText } from './page-text.mjs';
import { pagesElsewhere, partsOfPages } from './sidebar.mjs';

const site = fileURLToPath(new URL('./', import.meta.url));
const root = join(site, '..');
const pages = join(site, 'pages');
const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: 'runs/start/reasoner' },
    'without-demo': { type: 'boolean', default: false },
    'without-api': { type: 'boolean', default: false },
    serve: { type: 'boolean', default: false },
  },
});

function run(program, words, settings = {}) {
  const { status, error } = spawnSync(program, words, { cwd: site, stdio: 'inherit', ...settings });
  if (error) throw error;
  if (status !== 0) {
    console.error(`${words.join(' ')} ended with exit code ${status}.`);
    process.exit(status ?? 1);
  }
}

/** npm ci, once for each lockfile. */
function install() {
  const digest = createHash('sha256')
    .update(readFileSync(join(site, 'package-lock.json')))
    .digest('hex');
  const stamp = join(site, 'node_modules', '.installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  console.log('Installing VitePress and TypeDoc (once; needs the npm registry) …');
  run('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], { shell: process.platform === 'win32' });
  writeFileSync(stamp, digest);
}

/** The pages: docs/ and what lies elsewhere, with links that lead out of the site made to lead to the repository. */
function layOut({ demo }) {
  rmSync(pages, { recursive: true, force: true });
  const write = (path, text) => {
    mkdirSync(dirname(join(pages, path)), { recursive: true });
    writeFileSync(join(pages, path), text);
  };
  const files = readdirSync(join(root, 'docs'), { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  for (const entry of files) {
    const path = join(entry.parentPath, entry.name).slice(join(root, 'docs').length + 1);
    if (partsOfPages.test(path)) continue;
    if (path.endsWith('.md')) write(path, pageText({ root, source: `docs/${path}` }));
    else if (/\.(webp|png|svg)$/.test(path)) cpSync(join(root, 'docs', path), join(pages, path));
    else if (/\.(html|json)$/.test(path)) {
      // Reports of runs and their numbers: laid beside the pages as they are.
      mkdirSync(dirname(join(pages, 'public', path)), { recursive: true });
      cpSync(join(root, 'docs', path), join(pages, 'public', path));
    }
  }
  for (const [path, source] of Object.entries(pagesElsewhere)) write(path, pageText({ root, source }));
  const shown = demo
    ? '## A model that thinks, in this page\n\nNothing is uploaded. Exchange its thoughts, cut them, tell it in words what to think, and see what becomes of the answer.\n\n<iframe class="demo" src="./demo.html" title="The inspector with the model of npm start" loading="lazy"></iframe>'
    : '![A question with its picture, three stages of thoughts, an answer](./guide/inspector/strip.webp)';
  write('index.md', readFileSync(join(site, 'index.md'), 'utf8').replace('<!-- demo -->', shown));
}

/** The inspector with a model in it, as one file. */
function exportDemo() {
  const model = resolve(root, options.model);
  if (!existsSync(join(model, 'subtext.json'))) {
    console.error(
      `${options.model} holds no model for the landing page. Run \`npm start\` first, name one with --model, or leave it out with --without-demo.`,
    );
    process.exit(1);
  }
  mkdirSync(join(pages, 'public'), { recursive: true });
  // From the root, so that the page names the model by a path that says nothing of this machine.
  const words = ['inspect', '--model', options.model, '--limit', '20'];
  const place = ['--export', join(pages, 'public', 'demo.html'), '--view', 'example=0&another=1'];
  run(process.execPath, [join(root, 'apps/cli/bin/subtext.js'), ...words, ...place], { cwd: root });
}

install();
layOut({ demo: !options['without-demo'] });
if (!options['without-demo']) exportDemo();
if (!options['without-api'])
  run(process.execPath, [
    join(site, 'node_modules/typedoc/bin/typedoc'),
    ...['--options', join(site, 'typedoc.json')],
    // From the reference back to the pages.
    ...['--titleLink', process.env.SITE_BASE ?? '/'],
  ]);
run(process.execPath, [join(site, 'node_modules/vitepress/bin/vitepress.js'), 'build', '.']);
console.log('The site is in site/dist.');
if (options.serve) run(process.execPath, [join(site, 'node_modules/vitepress/bin/vitepress.js'), 'preview', '.']);
