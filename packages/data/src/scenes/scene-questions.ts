import { DataError } from '../errors';
import type { RandomStream } from '../random';
import { sceneColourNames, sceneObjects, sceneShapes } from './scene-world';
import type { Scene, SceneColour, SceneGrid, SceneRelation, SceneShape } from './scene-world';

/** The kinds of question, each of two hops or more over the picture. */
export const sceneQuestionTypes = ['move', 'twin', 'count'] as const;
export type SceneQuestionType = (typeof sceneQuestionTypes)[number];

/** A picture's content with a question about it, before it is drawn or written. */
export interface SceneQuestion {
  type: SceneQuestionType;
  scene: Scene;
  /** The cell that the question starts from, named by its colour. */
  anchor: number;
  /** The way from the anchor to the target. */
  relation: SceneRelation;
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
  const relation = random.pick(grid.relationsFrom(anchor));
  const target = grid.neighbor({ cell: anchor, relation })!;
  const colours = random.shuffle(sceneColourNames).slice(0, grid.cells);
  const cells = Array.from({ length: grid.cells }, (_, cell) => cell);
  const others = (shape: SceneShape): SceneShape[] => sceneShapes.filter((other) => other !== shape);

  if (type === 'move') {
    const shapes = cells.map((cell) => (cell === target ? (answer as SceneShape) : random.pick(sceneShapes)));
    return { type, scene: { colours, shapes }, anchor, relation, target, answer };
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
  return { type, scene: { colours, shapes }, anchor, relation, target, answer };
}

/** The question, the three stages and the answer in words, every word and mark set apart by spaces. */
export function tellQuestion(options: { question: SceneQuestion; grid: SceneGrid }): {
  question: string;
  summary: string;
  caption: string;
  reasoning: string;
  answer: string;
} {
  const { grid } = options;
  const { type, scene, anchor, relation, target, answer } = options.question;
  const colour = (cell: number): string => scene.colours[cell]!;
  const shape = (cell: number): string => scene.shapes[cell]!;
  const place = (cell: number): string => grid.places[cell]!;
  const start = `the ${colour(anchor)} object`;
  const find = `first find ${start} , then look ${relation} it`;
  const hop = `${start} is in the ${place(anchor)} . ${relation} it , in the ${place(target)} , is the ${colour(target)} ${shape(target)} .`;
  const same = grid.places.flatMap((_, cell) => (shape(cell) === shape(target) ? [cell] : []));
  const caption = sceneObjects({ scene, grid }).map((object) => `there is a ${object.colour} ${object.shape} in the ${object.place} .`).join(' ');

  switch (type) {
    case 'move':
      return {
        question: `what is the shape of the object ${relation} ${start} ?`,
        summary: `${find} , then name the shape .`,
        caption,
        reasoning: `${hop} the shape of the ${colour(target)} object is ${shape(target)} .`,
        answer,
      };
    case 'twin': {
      const twin = same.find((cell) => cell !== target)!;
      return {
        question: `which other object has the same shape as the object ${relation} ${start} ?`,
        summary: `${find} , then find the other object of this shape .`,
        caption,
        reasoning: `${hop} the other ${shape(target)} is in the ${place(twin)} . its colour is ${colour(twin)} .`,
        answer,
      };
    }
    case 'count':
      return {
        question: `how many objects have the same shape as the object ${relation} ${start} ?`,
        summary: `${find} , then count the objects of this shape .`,
        caption,
        reasoning: `${hop} every ${shape(target)} : ${same.map(place).join(' , ')} . the count is ${same.length} .`,
        answer,
      };
  }
}
