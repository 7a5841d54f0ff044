import type { ReasoningExample, SceneFacts } from '../reasoning-example';
import { possibleAnswers, type SceneQuestionType, sceneQuestionTypes } from '../scenes/scene-questions';
import { SceneGrid, type SceneMove } from '../scenes/scene-world';

/** What a question about a scene asks for: where it starts, which way it goes, and what it tells of the object there. */
interface SceneProgram {
  /** The colour of the object that it starts at, or a place. */
  start: { colour: string } | { place: string };
  moves: SceneMove[];
  asked: 'shape' | 'colour' | 'twin' | 'count';
}

const asks: readonly (readonly [RegExp, SceneProgram['asked']])[] = [
  [/\bhow many\b/, 'count'],
  [/\bwhich other\b/, 'twin'],
  [/\bwhat shape\b/, 'shape'],
  [/\bwhat colour\b/, 'colour'],
];

/** Reads a generated question; undefined for other words. */
function programOf(question: string): SceneProgram | undefined {
  const asked = asks.find(([words]) => words.test(question))?.[1];
  const colour = /\bstart at the (\w+) object\b/.exec(question)?.[1];
  const place = /\bstart at the ([\w-]+) ,/.exec(question)?.[1];
  const start = colour !== undefined ? { colour } : place !== undefined ? { place } : undefined;
  const moves = [...question.matchAll(/\bgo (right|left|up|down)\b/g)].map(([, move]) => move as SceneMove);
  return asked === undefined || start === undefined || moves.length === 0 ? undefined : { start, moves, asked };
}

/** What a program tells of a scene; null where it leads out of it, or to no one object. */
function follow({ program, scene }: { program: SceneProgram; scene: SceneFacts }): string | null {
  const { start, moves, asked } = program;
  const { objects } = scene;
  const grid = new SceneGrid({ rows: scene.rows, columns: scene.columns });
  let cell: number | undefined = objects.findIndex((object) =>
    'colour' in start ? object.colour === start.colour : object.place === start.place,
  );
  if (cell < 0) return null;
  for (const move of moves) {
    cell = grid.neighbor({ cell, move });
    if (cell === undefined) return null;
  }
  const target = objects[cell];
  if (target === undefined) return null;
  if (asked === 'shape' || asked === 'colour') return target[asked];
  const same = objects.filter(({ shape }) => shape === target.shape);
  if (asked === 'count') return String(same.length);
  const others = same.filter((object) => object !== target);
  return others.length === 1 ? others[0]!.colour : null;
}

/**
 * What a question about a generated scene is answered with another example's stage in place of its own: with its caption,
 * what the question asks, of the other scene; with its summary, what the other question asks, of the own scene; with its
 * reasoning, what that says. Null for other stages and questions, where it leads nowhere, and where it is no answer that
 * a question of this type can have.
 */
export function sceneAnswer({
  example,
  partner,
  stage,
}: {
  example: ReasoningExample;
  partner: ReasoningExample;
  stage: string;
}): string | null {
  const [own, other] = [example.facts, partner.facts];
  const type = sceneQuestionTypes.find((name) => name === example.category);
  if (own?.kind !== 'scene' || other?.kind !== 'scene' || type === undefined) return null;
  const told = tellWith({ example, partner, own, other, stage });
  return told !== null && allowed({ type, scene: own }).includes(told) ? told : null;
}

function tellWith({
  example,
  partner,
  own,
  other,
  stage,
}: Parameters<typeof sceneAnswer>[0] & { own: SceneFacts; other: SceneFacts }): string | null {
  if (stage === 'reasoning') return partner.answer;
  if (stage !== 'caption' && stage !== 'summary') return null;
  const program = programOf((stage === 'caption' ? example : partner).question);
  return program === undefined ? null : follow({ program, scene: stage === 'caption' ? other : own });
}

function allowed({ type, scene: { rows, columns } }: { type: SceneQuestionType; scene: SceneFacts }): string[] {
  return possibleAnswers({ type, grid: new SceneGrid({ rows, columns }) });
}
