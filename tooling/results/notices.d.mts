export declare function pagesWithoutNotice(root: string): string[];
