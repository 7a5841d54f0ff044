import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const docs = fileURLToPath(new URL('../docs/', import.meta.url));

/** The decisions, by their numbers. */
const decisions = readdirSync(`${docs}decisions`)
  .filter((name) => name.endsWith('.md'))
  .sort()
  .map((name) => ({
    text: `${Number(name.slice(0, 4))}. ${name.slice(5, -3).replaceAll('-', ' ')}`,
    link: `/decisions/${name.slice(0, -3)}`,
  }));

const page = (text, link) => ({ text, link });

/** Files of docs/ that are no pages of their own: notes, which a command puts into a page, and cards of models. */
export const partsOfPages = /-notes\.md$|\/README\.md$/;

const listed = [
  {
    text: 'Start',
    items: [
      page('Quick start', '/guide/quick-start'),
      page('Choosing a method', '/guide/which-method'),
      page('Thoughts you can trust', '/guide/trusted-thoughts'),
      page('The inspector', '/guide/inspector'),
    ],
  },
  {
    text: 'Tutorials',
    items: [
      page('Training on your own data', '/guide/own-data'),
      page('Text data', '/guide/text-data'),
      page('Fine-tune a public checkpoint', '/guide/public-checkpoint'),
      page('A custom method', '/guide/own-method'),
      page('Reinforcement learning', '/guide/reinforcement'),
      page('Knowledge packs', '/guide/knowledge-packs'),
      page('Reading thoughts', '/guide/reading-thoughts'),
      page('Graphs', '/guide/graphs'),
      page('Recurrent depth', '/guide/recurrent-depth'),
      page('Multi-seed experiments', '/guide/experiments'),
      page('Distributed training', '/guide/clusters'),
      page('Monitoring and comparing runs', '/guide/watching-runs'),
      page('Publishing a model', '/guide/publishing'),
      page('Using the API', '/guide/api'),
      page('Examples', '/examples'),
    ],
  },
  {
    text: 'Reference',
    items: [
      page('Packages', '/packages'),
      page('Configuration', '/configuration'),
      page('Evaluation', '/evaluation'),
      page('Engines', '/engines'),
      page('Reliability', '/reliability'),
      page('Architecture', '/architecture'),
      page('Releasing', '/releasing'),
    ],
  },
  {
    text: 'Results',
    collapsed: true,
    items: [
      page('The start run', '/results/start'),
      page('Audits', '/results/audits'),
      page('What makes thoughts used', '/results/visibility'),
      page('Arithmetic', '/results/arithmetic'),
      page('Coconut, trained longer', '/results/coconut-longer'),
      page('Graphs', '/results/graphs'),
      page('Graphs whose answers are made of thoughts', '/results/graphs-used'),
      page('Thoughts that hold several states', '/results/cot2'),
      page('Thoughts trained in one pass', '/results/one-pass'),
      page('Graphs in one pass', '/results/one-pass-graphs'),
      page('Recurrent depth on small Sudokus', '/results/recurrent-depth'),
      page('Recurrent depth on small mazes', '/results/recurrent-depth-maze'),
      page('Rewards over text and thoughts', '/results/rewards'),
      page('When to stop thinking, by rewards', '/results/halting'),
      page('Rewards for halting, settings tried', '/results/halting-development'),
      page('Knowledge packs', '/results/knowledge-packs'),
      page('A monitor of thoughts', '/results/monitor'),
      page('What cannot be known', '/results/uncertainty'),
      page('Fine-tuning a small checkpoint', '/results/first-path'),
      page('Engines', '/results/engines'),
      page('Checkpoints', '/results/checkpoints'),
      page('Speed of continuous thoughts', '/results/coconut-speed'),
      page('Parity', '/results/parity'),
      page('Packages as installed', '/results/packages'),
    ],
  },
  { text: 'Decisions', collapsed: true, items: decisions },
];

/** Pages of a folder that no list names, by their first heading: a new page is shown before somebody finds its place. */
function others(folder) {
  const named = new Set(listed.flatMap(({ items }) => items.map(({ link }) => link)));
  return readdirSync(`${docs}${folder}`)
    .filter((name) => name.endsWith('.md') && !partsOfPages.test(`/${name}`))
    .map((name) => ({ name, link: `/${folder}${name.slice(0, -'.md'.length)}` }))
    .filter(({ link }) => !named.has(link))
    .map(({ name, link }) =>
      page(/^# (.+)$/m.exec(readFileSync(`${docs}${folder}${name}`, 'utf8'))?.[1] ?? link, link),
    );
}

/** Every page of docs/, in the order of the site. A test holds that none is left out, and that each is there. */
export const sidebar = listed.map((group) => {
  const folder = { Tutorials: 'guide/', Reference: '', Results: 'results/' }[group.text];
  return folder === undefined ? group : { ...group, items: [...group.items, ...others(folder)] };
});

/** Where the pages of the site come from that do not lie in docs/. */
export const pagesElsewhere = { 'examples.md': 'examples/README.md' };
