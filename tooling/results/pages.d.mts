export declare function pagesOutOfDate(root: string): string[];
