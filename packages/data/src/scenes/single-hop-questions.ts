import type { ReasoningExample } from '../reasoning-example';

/**
 * Questions about one object of a scene, one hop each: what is at a place, and where a colour is. A small model made
 * from nothing learns its eyes from these, before it reasons: they stand for the pre-training of a real one.
 * Empty where the example has no scene facts.
 */
export function singleHopQuestions(example: ReasoningExample): ReasoningExample[] {
  if (example.facts?.kind !== 'scene') return [];
  const { image, facts } = example;
  return example.facts.objects.flatMap(({ colour, shape, place }) => [
    { id: `${example.id}#what-${place}`, question: `what is in the ${place} ?`, image, steps: [], answer: `${colour} ${shape}`, category: 'what', facts },
    { id: `${example.id}#where-${colour}`, question: `where is the ${colour} object ?`, image, steps: [], answer: place, category: 'where', facts },
  ]);
}
