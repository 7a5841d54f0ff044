/** The links of a page, outside of code: what each leads to, seen from the repository's root, with its anchor. */
export function linksOf(options: {
  root: string;
  source: string;
}): { target: string; path: string; anchor: string | undefined }[];
/** The anchors of a page, as GitHub and VitePress make them of its headings. */
export function anchorsOf(text: string): string[];
/** A page's text for the site: links to other pages lead there, all others into the repository. */
export function pageText(options: { root: string; source: string }): string;
