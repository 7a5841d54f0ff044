/** How old a result is; `ageOf` reads it from git. */
export interface Age {
  commit: string;
  /** The commit's day. */
  date: string;
  /** A later commit whose code was seen to do the same in part, and in what. */
  confirmed?: { commit: string; what: string };
  /** What measured it, where that is not the command any more. */
  by?: string;
  /** Whether code that it rests on changed since; undefined where git cannot say. */
  changed?: boolean;
}
export declare function ageInWords(options: { file: string; age: Age | undefined }): string;
