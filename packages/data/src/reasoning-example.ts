import type { DecodedImage, DecodedPicture } from './images/decoded-image';

/** One step of a chain of thought. */
export interface ReasoningStep {
  /** The stage's name in staged data (`summary`, `caption`, `reasoning`); absent where steps have no names. */
  name?: string;
  text: string;
}

/** An image that is named now and decoded when asked for. */
export interface ImageReference {
  /** The image's file; for an image held inside a data file, `FILE:LINE` of its record. */
  path: string;
  /**
   * Decodes the image, anew at each call, to red, green and blue as Pillow's `convert("RGB")`.
   * @throws DataError `image-missing`, `image-broken`, `image-too-large`
   */
  load(): Promise<DecodedImage>;
  /** The same with its transparency, where it has any: what processors take that lay pictures on white. Default: `load`. */
  loadPicture?(): Promise<DecodedPicture>;
}

/** A shape in a picture's grid. */
export interface SceneObject {
  colour: string;
  shape: string;
  /** The cell in words, for example `top left`. */
  place: string;
}

/** The truth of a generated picture. */
export interface SceneFacts {
  kind: 'scene';
  rows: number;
  columns: number;
  /** In reading order of the cells. */
  objects: SceneObject[];
}

/** The truth of a reachability question over a directed graph. */
export interface GraphFacts {
  kind: 'graph';
  /** `[source, target]` pairs of node ids. */
  edges: [number, number][];
  root: number;
  target: number;
  negativeTarget: number;
  /** The node ids' names, by id. */
  symbols: string[];
  /** `neighborsByHop[k]`: the nodes k hops from the root on some shortest path to the target. */
  neighborsByHop: number[][];
}

/** A question whose answer is one of several options. */
export interface ChoiceFacts {
  kind: 'choice';
  options: { letter: string; text: string }[];
}

/** The truth of a picture of boxes with shapes, as NLVR gives it. */
export interface BoxFacts {
  kind: 'boxes';
  /** By box, from the left; places and sizes in the units of a box of 100 × 100. */
  boxes: { shape: string; colour: string; x: number; y: number; size: number }[][];
}

/** What is true of an example beyond its text, for measuring. */
export type ExampleFacts = SceneFacts | GraphFacts | ChoiceFacts | BoxFacts;

/** A question, perhaps with an image, the steps of thought that lead to its answer, and the answer. */
export interface ReasoningExample {
  /** As the file names it, else made from its place in the file. */
  id: string;
  question: string;
  image?: ImageReference;
  /** In order; empty where the set gives no chain. */
  steps: ReasoningStep[];
  answer: string;
  /** The kind of question, where the set has kinds: results and baselines are told apart by it. */
  category?: string;
  facts?: ExampleFacts;
  /** Further fields of the record, as text, by the names the file gives them. */
  metadata?: Record<string, string>;
}
