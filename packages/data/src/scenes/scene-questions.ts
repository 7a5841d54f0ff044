import { DataError } from '../errors';
import type { RandomStream } from '@subtext/core';
import type { SceneObject } from '../reasoning-example';
import { sceneColourNames, sceneObjects, sceneShapes } from './scene-world';
import type { Scene, SceneColour, SceneGrid, SceneMove, SceneShape } from './scene-world';

/**
 * The kinds of question, each of two hops or more over the picture. `walk-…`: from a place, one move or two, and tell the
 * shape or the colour found there. The others find an object by its colour and move from it: `shape` and `colour` tell
 * what is found there, `twin` compares it with the others, `count` counts those like it.
 */
export const sceneQuestionTypes = ['walk-shape', 'walk-colour', 'shape', 'colour', 'twin', 'count'] as const;
export type SceneQuestionType = (typeof sceneQuestionTypes)[number];

/** A picture's content with a question about it, before it is drawn or written. */
export interface SceneQuestion {
  type: SceneQuestionType;
  scene: Scene;
  /** The cell that the question starts from: named by its place in a walk, else by its object's colour. */
  anchor: number;
  /** The first move from the anchor. */
  move: SceneMove;
  /** The second move, in a walk of two. */
  secondMove?: SceneMove;
  /** The cell that the question leads to. */
  target: number;
  answer: string;
}

/** The answers that a type of question can have, each drawn equally often. */
export function possibleAnswers(options: { type: SceneQuestionType; grid: SceneGrid }): string[] {
  switch (options.type) {
    case 'walk-shape':
    case 'shape':
      return [...sceneShapes];
    case 'walk-colour':
    case 'colour':
    case 'twin':
      return [...sceneColourNames];
    case 'count':
      return ['1', '2', '3'].slice(0, options.grid.cells);
  }
}

/** The types that a grid has room for: a twin needs a third cell. */
export function checkTypes(options: { types: readonly SceneQuestionType[]; grid: SceneGrid }): void {
  const { types, grid } = options;
  const unknown = types.filter((type) => !sceneQuestionTypes.includes(type));
  if (types.length === 0 || unknown.length > 0) {
    throw new DataError({
      code: 'invalid-option',
      message: `question types are some of ${sceneQuestionTypes.join(', ')}${unknown.length > 0 ? `; not ${unknown.join(', ')}` : ''}.`,
    });
  }
  if (types.includes('twin') && grid.cells < 3)
    throw new DataError({ code: 'invalid-option', message: 'questions of type twin need a grid of 3 cells or more.' });
  if (grid.cells > sceneColourNames.length) {
    throw new DataError({
      code: 'invalid-option',
      message: `a picture has ${grid.cells} cells, but only ${sceneColourNames.length} colours tell its objects apart; take a smaller grid.`,
    });
  }
}

/**
 * Draws a scene of which a question of this type has this answer. Everything else is uniform, so that the answer does
 * not depend on the question's words, except that a colour asked for is never the one that the question names.
 */
export function drawQuestion(options: {
  type: SceneQuestionType;
  answer: string;
  grid: SceneGrid;
  random: RandomStream;
}): SceneQuestion {
  const { type, answer, grid, random } = options;
  const anchor = random.integer(grid.cells);
  const move = random.pick(grid.movesFrom(anchor));
  const reached = grid.neighbor({ cell: anchor, move })!;
  // Half of the walks go on, to a cell that is not the one they came from.
  const onward =
    type.startsWith('walk-') && random.integer(2) === 0
      ? grid.movesFrom(reached).filter((next) => grid.neighbor({ cell: reached, move: next }) !== anchor)
      : [];
  const secondMove = onward.length > 0 ? random.pick(onward) : undefined;
  const target = secondMove === undefined ? reached : grid.neighbor({ cell: reached, move: secondMove })!;
  const colours = random.shuffle(sceneColourNames).slice(0, grid.cells);
  const cells = Array.from({ length: grid.cells }, (_, cell) => cell);
  const others = (shape: SceneShape): SceneShape[] => sceneShapes.filter((other) => other !== shape);

  /** Gives a cell a colour, by exchange with the cell that holds it, so that colours stay different. */
  const paint = (cell: number, colour: SceneColour): void => {
    const holder = colours.indexOf(colour);
    if (holder !== -1) colours[holder] = colours[cell]!;
    colours[cell] = colour;
  };

  if (type === 'colour' || type === 'walk-colour') {
    paint(target, answer as SceneColour);
    return {
      type,
      scene: { colours, shapes: cells.map(() => random.pick(sceneShapes)) },
      anchor,
      move,
      secondMove,
      target,
      answer,
    };
  }
  if (type === 'shape' || type === 'walk-shape') {
    const shapes = cells.map((cell) => (cell === target ? (answer as SceneShape) : random.pick(sceneShapes)));
    return { type, scene: { colours, shapes }, anchor, move, secondMove, target, answer };
  }
  const shape = random.pick(sceneShapes);
  const free = cells.filter((cell) => cell !== target);
  let same: number[];
  if (type === 'twin') {
    const twin = random.pick(free.filter((cell) => cell !== anchor));
    same = [target, twin];
    paint(twin, answer as SceneColour);
  } else {
    same = [target, ...random.shuffle(free).slice(0, Number(answer) - 1)];
  }
  const shapes = cells.map((cell) => (same.includes(cell) ? shape : random.pick(others(shape))));
  return { type, scene: { colours, shapes }, anchor, move, target, answer };
}

/** A question in words. */
export interface DescribedQuestion {
  question: string;
  summary: string;
  caption: string;
  reasoning: string;
  answer: string;
}

/** An object as captions tell of it. */
export function tellObject({ place, colour, shape }: SceneObject): string {
  return `in the ${place} there is a ${colour} ${shape} .`;
}

/** The question, the three stages and the answer in words; words and marks are set apart by spaces. */
export function describeQuestion(options: { question: SceneQuestion; grid: SceneGrid }): DescribedQuestion {
  const { grid } = options;
  const { type, scene, anchor, move, secondMove, target, answer } = options.question;
  const objects = sceneObjects({ scene, grid });
  const tell = (cell: number): string => tellObject(objects[cell]!);
  const start = `the ${scene.colours[anchor]!} object`;
  const shape = scene.shapes[target]!;
  const path = `start at ${start} and go ${move} .`;
  const find = `first find ${start} , then go ${move} , then`;
  const hop = `${start} is in the ${grid.places[anchor]!} . go ${move} : ${tell(target)}`;
  // The scan names each shape before the verdict, so that every word is one look at what is written or seen.
  const verdicts = objects.map((object) => `${object.place} ${object.shape} ${object.shape === shape ? 'yes' : 'no'}`);
  const scan = `is it a ${shape} ? ${verdicts.join(' , ')} .`;
  const caption = objects.map((_, cell) => tell(cell)).join(' ');

  switch (type) {
    case 'walk-shape':
    case 'walk-colour': {
      const asked = type === 'walk-shape' ? 'shape' : 'colour';
      const reached = grid.places[grid.neighbor({ cell: anchor, move })!]!;
      const origin = grid.places[anchor]!;
      const then = secondMove === undefined ? 'stay put' : `go ${secondMove}`;
      const arrival =
        secondMove === undefined ? `stay put in the ${reached}` : `go ${secondMove} to the ${grid.places[target]!}`;
      return {
        question: `start at the ${origin} , go ${move} , then ${then} . what ${asked} is there ?`,
        summary: `first start at the ${origin} , then go ${move} , then ${then} , then name the ${asked} found there .`,
        caption,
        reasoning: `from the ${origin} go ${move} to the ${reached} . then ${arrival} . ${tell(target)} so the ${asked} is ${answer} .`,
        answer,
      };
    }
    case 'shape':
      return {
        question: `${path} what shape is that object ?`,
        summary: `${find} name the shape found there .`,
        caption,
        reasoning: `${hop} so the shape is ${shape} .`,
        answer,
      };
    case 'colour':
      return {
        question: `${path} what colour is that object ?`,
        summary: `${find} name the colour found there .`,
        caption,
        reasoning: `${hop} so the colour is ${answer} .`,
        answer,
      };
    case 'twin': {
      const twin = scene.shapes.findIndex((other, cell) => other === shape && cell !== target);
      return {
        question: `${path} which other has that shape ?`,
        summary: `${find} look for its shape elsewhere .`,
        caption,
        reasoning: `${hop} ${scan} ${tell(twin)}`,
        answer,
      };
    }
    case 'count':
      return {
        question: `${path} how many have that shape ?`,
        summary: `${find} count all of that shape .`,
        caption,
        reasoning: `${hop} ${scan} that makes ${answer} .`,
        answer,
      };
  }
}

/** Two questions of one hop about a scene, to train vision on: what is in a cell, and where a colour is. */
export function describeGlances(options: {
  scene: Scene;
  grid: SceneGrid;
  random: RandomStream;
}): { type: 'what' | 'where'; question: string; answer: string }[] {
  const { scene, grid, random } = options;
  const seen = random.integer(grid.cells);
  const sought = random.integer(grid.cells);
  return [
    {
      type: 'what',
      question: `what is in the ${grid.places[seen]!} ?`,
      answer: `${scene.colours[seen]!} ${scene.shapes[seen]!}`,
    },
    { type: 'where', question: `where is the ${scene.colours[sought]!} object ?`, answer: grid.places[sought]! },
  ];
}
