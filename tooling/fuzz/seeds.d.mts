export declare function makeSeeds(folder: string): void;
