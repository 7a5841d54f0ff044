import type { ReasoningExample, SceneObject } from '../reasoning-example';
import { tellObject } from '../scenes/scene-questions';
import { sceneColourNames, sceneShapes } from '../scenes/scene-world';
import { sceneAnswer } from './scene-answers';

/** A stage's text with one fact changed. */
export interface FactEdit {
  /** The stage's text as it is with the other fact. */
  text: string;
  /** What was changed, for people: `colour in the top-left: red → blue`. */
  change: string;
  /** The answer that follows: the example's own where that does not depend on the fact. */
  answer: string;
}

/**
 * All edits of one fact in a stage's words of which the data tells the answer that then follows: of generated scenes, each
 * colour and each shape in the caption, changed to each other one that leaves the scene possible (no colour twice). Empty
 * for other stages and data, and where the caption is not the generator's.
 */
export function factEdits({ example, stage }: { example: ReasoningExample; stage: string }): FactEdit[] {
  const { facts } = example;
  const caption = example.steps.find(({ name }) => name === stage)?.text;
  if (stage !== 'caption' || facts?.kind !== 'scene' || caption !== textOf(facts.objects)) return [];
  const used = new Set(facts.objects.map(({ colour }) => colour));
  return facts.objects.flatMap((object, cell) =>
    [
      ...sceneColourNames
        .filter((colour) => !used.has(colour))
        .map((colour) => ({ key: 'colour' as const, to: colour })),
      ...sceneShapes.filter((shape) => shape !== object.shape).map((shape) => ({ key: 'shape' as const, to: shape })),
    ].flatMap(({ key, to }): FactEdit[] => {
      const objects = facts.objects.map((one, index) => (index === cell ? { ...one, [key]: to } : one));
      const answer = sceneAnswer({ example, partner: { ...example, facts: { ...facts, objects } }, stage });
      if (answer === null) return [];
      return [{ text: textOf(objects), change: `${key} in the ${object.place}: ${object[key]} → ${to}`, answer }];
    }),
  );
}

function textOf(objects: readonly SceneObject[]): string {
  return objects.map(tellObject).join(' ');
}
