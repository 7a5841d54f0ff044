import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SceneObject } from '../reasoning-example';
import { captionFacts, scoreCaptionFacts } from './caption-facts';
import { sceneColourNames, sceneShapes } from './scene-world';

const truth: SceneObject[] = [
  { colour: 'red', shape: 'circle', place: 'top-left' },
  { colour: 'blue', shape: 'square', place: 'top-right' },
  { colour: 'green', shape: 'circle', place: 'bottom-left' },
  { colour: 'white', shape: 'cross', place: 'bottom-right' },
];
const caption =
  'in the top-left there is a red circle . in the top-right there is a blue square . in the bottom-left there is a green circle . in the bottom-right there is a white cross .';
const score = (text: string) => scoreCaptionFacts({ predicted: captionFacts(text), truth });

describe('captionFacts', () => {
  test('reads the generator’s captions, other wordings, and fragments', () => {
    expect(captionFacts(caption)).toEqual(truth);
    expect(captionFacts('A Red circle sits top-left and a square in the top-centre;\nnothing else')).toEqual([
      { colour: 'red', shape: 'circle', place: 'top-left' },
      { shape: 'square', place: 'top-centre' },
    ]);
    expect(captionFacts('there is a blue')).toEqual([{ colour: 'blue' }]);
    expect(captionFacts('<pad> . . reddish circles , bottom-leftish')).toEqual([]);
    expect(captionFacts('')).toEqual([]);
  });

  test('takes a list of places item by item', () => {
    expect(
      captionFacts('is it a cross ? top-left cross yes , top-right square no . a circle , red , top-left .'),
    ).toEqual([
      { shape: 'cross' },
      { shape: 'cross', place: 'top-left' },
      { shape: 'square', place: 'top-right' },
      { colour: 'red', shape: 'circle', place: 'top-left' },
    ]);
  });
});

describe('scoreCaptionFacts', () => {
  test('counts colours and shapes at their places', () => {
    expect(score(caption)).toEqual({
      facts: { right: 8, total: 8 },
      accuracy: 1,
      colours: { right: 4, total: 4 },
      shapes: { right: 4, total: 4 },
      places: { right: 4, total: 4 },
      objects: { right: 4, total: 4 },
      spurious: 0,
    });
    expect(score('')).toMatchObject({ accuracy: 0, places: { right: 0, total: 4 }, spurious: 0 });
    // Right colours and shapes in the wrong places are wrong.
    expect(score('in the top-left there is a blue square . in the top-right there is a red circle .')).toMatchObject({
      facts: { right: 0, total: 8 },
      places: { right: 2, total: 4 },
      spurious: 2,
    });
    // One colour wrong: its shape still counts, its object does not.
    expect(score(caption.replace('red', 'purple'))).toMatchObject({
      facts: { right: 7, total: 8 },
      colours: { right: 3, total: 4 },
      objects: { right: 3, total: 4 },
      spurious: 1,
    });
  });

  test('telling a place twice does not help', () => {
    const everything = sceneColourNames
      .flatMap((colour) => sceneShapes.map((shape) => `in the top-left there is a ${colour} ${shape} .`))
      .join(' ');
    expect(score(everything)).toMatchObject({ facts: { right: 0, total: 8 } });
    expect(score(`${caption} ${caption}`).accuracy).toBe(1);
  });

  test('a random guess scores about 1/6 of colours and 1/4 of shapes', () => {
    const object = (place: string) =>
      fc.record({
        colour: fc.constantFrom(...sceneColourNames),
        shape: fc.constantFrom(...sceneShapes),
        place: fc.constant(place),
      });
    const scene = fc.tuple(...truth.map(({ place }) => object(place)));
    let colours = 0;
    let shapes = 0;
    const runs = 2000;
    fc.assert(
      fc.property(scene, (predicted) => {
        const result = scoreCaptionFacts({ predicted, truth });
        colours += result.colours.right / 4;
        shapes += result.shapes.right / 4;
        expect(result.facts.right).toBe(result.colours.right + result.shapes.right);
        expect(result.objects.right).toBeLessThanOrEqual(Math.min(result.colours.right, result.shapes.right));
      }),
      { numRuns: runs, seed: 1 },
    );
    expect(Math.abs(colours / runs - 1 / 6)).toBeLessThan(0.05);
    expect(Math.abs(shapes / runs - 1 / 4)).toBeLessThan(0.05);
  });
});
