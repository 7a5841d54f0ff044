/** Every page of docs/, in the order of the site. */
export const sidebar: { text: string; collapsed?: boolean; items: { text: string; link: string }[] }[];
/** Files of docs/ that are no pages of their own. */
export const partsOfPages: RegExp;
/** Where the pages of the site come from that do not lie in docs/. */
export const pagesElsewhere: Readonly<Record<string, string>>;
