import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

import { pagesElsewhere } from './sidebar.mjs';

const repository = 'https://github.com/subtext-ai/subtext';
/** A link or a picture of Markdown: its text, and where it leads. */
const link = /(!?\[(?:[^\]\\]|\\.)*\])\(([^()\s]+)\)/g;

/** The links of a page, outside of code: what each leads to, seen from the repository's root, with its anchor. */
export function linksOf({ root, source }) {
  const text = readFileSync(join(root, source), 'utf8').replace(/^```[^]*?^```/gm, '');
  return [...text.replace(/`[^`\n]*`/g, (code) => (code.includes('](') ? '' : code)).matchAll(link)]
    .map(([, , target]) => target)
    .filter((target) => !/^[a-z]+:/i.test(target))
    .map((target) => {
      const [path, anchor] = target.split('#');
      return { target, path: path === '' ? source : normalize(join(dirname(source), decodeURI(path))), anchor };
    });
}

/** The anchors of a page, as GitHub and VitePress make them of its headings. */
export function anchorsOf(text) {
  return [...text.replace(/^```[^]*?^```/gm, '').matchAll(/^#{1,6} +(.+)$/gm)].map(([, heading]) =>
    heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  );
}

/** Where a file of the repository stands on the site; undefined where it does not. */
function onSite(path) {
  const elsewhere = Object.entries(pagesElsewhere).find(([, source]) => source === path || dirname(source) === path);
  if (elsewhere) return `/${elsewhere[0].replace(/\.md$/, '')}`;
  if (!path.startsWith('docs/')) return undefined;
  const inside = path.slice('docs/'.length);
  return /\.(md|html|json|webp|png|svg)$/.test(inside) ? `/${inside.replace(/\.md$/, '')}` : undefined;
}

/** A page's text for the site: links to other pages lead there, all others into the repository. */
export function pageText({ root, source }) {
  const text = readFileSync(join(root, source), 'utf8');
  return text
    .split(/(^```[^]*?^```)/m)
    .map((part) => (part.startsWith('```') ? part : rewritten({ root, source, part })))
    .join('');
}

function rewritten({ root, source, part }) {
  return part.replace(link, (whole, label, target) => {
    if (/^[a-z]+:/i.test(target) || target.startsWith('#')) return whole;
    const [path, anchor] = target.split('#');
    const full = normalize(join(dirname(source), decodeURI(path))).replace(/\/$/, '');
    const place = onSite(full);
    const end = anchor === undefined ? '' : `#${anchor}`;
    // Pictures and pages stay relative, for a site that lies in a folder.
    if (place !== undefined) return /\.(webp|png|svg)$/.test(target) ? whole : `${label}(${place}${end})`;
    const kind = existsSync(join(root, full)) && statSync(join(root, full)).isDirectory() ? 'tree' : 'blob';
    return `${label}(${repository}/${kind}/main/${full}${end})`;
  });
}
