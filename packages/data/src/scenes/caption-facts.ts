import type { SceneObject } from '../reasoning-example';
import { allPlaces, sceneColourNames, sceneShapes } from './scene-world';

/** An object as far as a text tells of it. */
export type ToldObject = Partial<SceneObject>;

const word = (values: readonly string[]): RegExp => new RegExp(`(?<![\\w-])(${values.join('|')})(?![\\w-])`);
const colour = word(sceneColourNames);
const shape = word(sceneShapes);
const place = word(allPlaces);

const everyPlace = new RegExp(place, 'g');

/** Sentences; one that names several places is a list, of which each item counts. */
function clauses(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[.;?!\n]|\band\b/)
    .flatMap((sentence) => ((sentence.match(everyPlace)?.length ?? 0) > 1 ? sentence.split(',') : [sentence]));
}

/**
 * Reads a caption back into facts: each clause that names a colour, a shape or a place tells of one object, by the
 * first colour, shape and place in it. Works on any text, whole or broken; what is not there stays undefined.
 */
export function captionFacts(text: string): ToldObject[] {
  return clauses(text)
    .map((clause) => {
      const object: ToldObject = {};
      const found = {
        colour: colour.exec(clause)?.[1],
        shape: shape.exec(clause)?.[1],
        place: place.exec(clause)?.[1],
      };
      if (found.colour) object.colour = found.colour;
      if (found.shape) object.shape = found.shape;
      if (found.place) object.place = found.place;
      return object;
    })
    .filter((object) => Object.keys(object).length > 0);
}

/** A number of facts and how many of them are right. */
export interface FactCount {
  right: number;
  total: number;
}

export interface CaptionFactScore {
  /** Colours and shapes bound to their places, together: two facts a true object. */
  facts: FactCount;
  /** `facts.right / facts.total`. */
  accuracy: number;
  /** The right colour at the right place. */
  colours: FactCount;
  /** The right shape at the right place. */
  shapes: FactCount;
  /** The caption mentions the place. Where every cell is filled this says only that the text is whole. */
  places: FactCount;
  /** Colour, shape and place right together. */
  objects: FactCount;
  /** Told objects that match no true object whole. */
  spurious: number;
}

/**
 * Scores told objects against the truth. A fact is bound to its place: "red" counts only where the red object is.
 * A place told twice in different ways counts as wrong in what differs.
 */
export function scoreCaptionFacts(options: {
  predicted: readonly ToldObject[];
  truth: readonly SceneObject[];
}): CaptionFactScore {
  const { predicted, truth } = options;
  const count = (): FactCount => ({ right: 0, total: truth.length });
  const score: CaptionFactScore = {
    facts: { right: 0, total: 2 * truth.length },
    accuracy: 0,
    colours: count(),
    shapes: count(),
    places: count(),
    objects: count(),
    spurious: predicted.filter(
      (told) =>
        !truth.some(
          (object) => object.place === told.place && object.colour === told.colour && object.shape === told.shape,
        ),
    ).length,
  };
  for (const object of truth) {
    const told = predicted.filter((candidate) => candidate.place === object.place);
    const agrees = (key: 'colour' | 'shape'): boolean => {
      const values = new Set(told.map((candidate) => candidate[key]).filter((value) => value !== undefined));
      return values.size === 1 && values.has(object[key]);
    };
    const right = { colour: agrees('colour'), shape: agrees('shape') };
    if (told.length > 0) score.places.right += 1;
    if (right.colour) score.colours.right += 1;
    if (right.shape) score.shapes.right += 1;
    if (right.colour && right.shape) score.objects.right += 1;
  }
  score.facts.right = score.colours.right + score.shapes.right;
  score.accuracy = score.facts.total === 0 ? 0 : score.facts.right / score.facts.total;
  return score;
}
