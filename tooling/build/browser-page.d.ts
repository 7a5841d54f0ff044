/** A browser that pages can be run in, or undefined. `CHROMIUM` names one. */
export declare const chromium: string | undefined;

/** Bundles a page with Vite, serves it, runs it in headless Chromium and gives what it posts to `/results`. */
export declare function runPage(options: {
  /** What the page's imports are looked up from. */
  packageFolder: string;
  /** The page's JavaScript module. */
  page: string;
  /** A folder that is served beside the page. */
  site: string;
  /** How long the page may take to post; without it there is no limit. */
  seconds?: number;
}): Promise<{ results: Record<string, unknown>; /** What the bundler complained of. */ warnings: string[] }>;
