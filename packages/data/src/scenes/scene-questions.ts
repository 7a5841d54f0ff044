import { DataError } from '../errors';
import type { RandomStream } from '../random';
import { sceneColourNames, sceneObjects, sceneShapes } from './scene-world';
import type { Scene, SceneColour, SceneGrid, SceneMove, SceneShape } from './scene-world';

/** The kinds of question, each of two hops or more over the picture. */
export const sceneQuestionTypes = ['move', 'twin', 'count'] as const;
export type SceneQuestionType = (typeof sceneQuestionTypes)[number];

/** A picture's content with a question about it, before it is drawn or written. */
export interface SceneQuestion {
  type: SceneQuestionType;
  scene: Scene;
  /** The cell that the question starts from, named by its colour. */
  anchor: number;
  /** The move from the anchor to the target. */
  move: SceneMove;
  /** The cell that the question leads to. */
  target: number;
  answer: string;
}

/** The answers that a type of question can have, each drawn equally often. */
export function possibleAnswers(options: { type: SceneQuestionType; grid: SceneGrid }): string[] {
  switch (options.type) {
    case 'move':
      return [...sceneShapes];
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
    throw new DataError({ code: 'option-invalid', message: `question types are some of ${sceneQuestionTypes.join(', ')}${unknown.length > 0 ? `; not ${unknown.join(', ')}` : ''}.` });
  }
  if (types.includes('twin') && grid.cells < 3) throw new DataError({ code: 'option-invalid', message: 'questions of type twin need a grid of 3 cells or more.' });
  if (grid.cells > sceneColourNames.length) {
    throw new DataError({ code: 'option-invalid', message: `a picture has ${grid.cells} cells, but only ${sceneColourNames.length} colours tell its objects apart; take a smaller grid.` });
  }
}

/**
 * Draws a scene of which a question of this type has this answer. Everything else is uniform, so that the answer does
 * not depend on the question's words, except that a twin is never of the anchor's colour.
 */
export function drawQuestion(options: { type: SceneQuestionType; answer: string; grid: SceneGrid; random: RandomStream }): SceneQuestion {
  const { type, answer, grid, random } = options;
  const anchor = random.integer(grid.cells);
  const move = random.pick(grid.movesFrom(anchor));
  const target = grid.neighbor({ cell: anchor, move })!;
  const colours = random.shuffle(sceneColourNames).slice(0, grid.cells);
  const cells = Array.from({ length: grid.cells }, (_, cell) => cell);
  const others = (shape: SceneShape): SceneShape[] => sceneShapes.filter((other) => other !== shape);

  if (type === 'move') {
    const shapes = cells.map((cell) => (cell === target ? (answer as SceneShape) : random.pick(sceneShapes)));
    return { type, scene: { colours, shapes }, anchor, move, target, answer };
  }
  const shape = random.pick(sceneShapes);
  const free = cells.filter((cell) => cell !== target);
  let same: number[];
  if (type === 'twin') {
    const twin = random.pick(free.filter((cell) => cell !== anchor));
    same = [target, twin];
    // The answer's colour goes to the twin, by exchange with the cell that holds it, so that colours stay different.
    const holder = colours.indexOf(answer as SceneColour);
    if (holder !== -1) colours[holder] = colours[twin]!;
    colours[twin] = answer as SceneColour;
  } else {
    same = [target, ...random.shuffle(free).slice(0, Number(answer) - 1)];
  }
  const shapes = cells.map((cell) => (same.includes(cell) ? shape : random.pick(others(shape))));
  return { type, scene: { colours, shapes }, anchor, move, target, answer };
}

/** A question in words. */
export interface ToldQuestion {
  question: string;
  summary: string;
  caption: string;
  reasoning: string;
  answer: string;
}

/** The question, the three stages and the answer in words; words and marks are set apart by spaces. */
export function tellQuestion(options: { question: SceneQuestion; grid: SceneGrid }): ToldQuestion {
  const { grid } = options;
  const { type, scene, anchor, move, target, answer } = options.question;
  const objects = sceneObjects({ scene, grid });
  const tell = (cell: number): string => `in the ${objects[cell]!.place} there is a ${objects[cell]!.colour} ${objects[cell]!.shape} .`;
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
    case 'move':
      return { question: `${path} what shape is that object ?`, summary: `${find} name the shape found there .`, caption, reasoning: `${hop} so the shape is ${shape} .`, answer };
    case 'twin': {
      const twin = scene.shapes.findIndex((other, cell) => other === shape && cell !== target);
      return { question: `${path} which other has that shape ?`, summary: `${find} look for its shape elsewhere .`, caption, reasoning: `${hop} ${scan} ${tell(twin)}`, answer };
    }
    case 'count':
      return { question: `${path} how many have that shape ?`, summary: `${find} count all of that shape .`, caption, reasoning: `${hop} ${scan} that makes ${answer} .`, answer };
  }
}

/** Two questions of one hop about a scene, to train eyes on: what is in a cell, and where a colour is. */
export function tellGlances(options: { scene: Scene; grid: SceneGrid; random: RandomStream }): { type: 'what' | 'where'; question: string; answer: string }[] {
  const { scene, grid, random } = options;
  const seen = random.integer(grid.cells);
  const sought = random.integer(grid.cells);
  return [
    { type: 'what', question: `what is in the ${grid.places[seen]!} ?`, answer: `${scene.colours[seen]!} ${scene.shapes[seen]!}` },
    { type: 'where', question: `where is the ${scene.colours[sought]!} object ?`, answer: grid.places[sought]! },
  ];
}
