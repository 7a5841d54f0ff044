import { type DecodedImage, type FactCount, type ReasoningExample, scoreCaptionFacts, seeScene } from '@subtext/data';
import type { Drawer } from '@subtext/decoder';
import type { Answer } from '@subtext/reasoner';

import { EvaluationError } from '../errors';
import { explanationRequests, type ThoughtCondition } from './thought-conditions';

/** What a drawer is given in place of a thought. */
export type DrawingCondition = Exclude<ThoughtCondition, 'question only'>;

const conditions: readonly DrawingCondition[] = ['own', 'another', 'zeros'];

/** How much of the true scenes is in what was drawn, over all objects. */
export interface DrawingScore {
  /** Pictures. */
  count: number;
  /** The right colour and the right shape at the right place. */
  objects: FactCount;
  colours: FactCount;
  shapes: FactCount;
}

/** What was drawn of a set's thoughts. */
export interface Drawings {
  stage: string;
  /** By condition; one that no example has is left out, such as another's thoughts where none has as many. */
  scores: Partial<Record<DrawingCondition, DrawingScore>>;
  /** By example: what was drawn of its own thoughts; null where it has none, or no scene to hold it against. */
  pictures: (DecodedImage | null)[];
}

/**
 * Draws thoughts of generated pictures and reads what was drawn back (`seeScene`): how many objects have their true colour
 * and shape, from the example's own thoughts, from another example's, and from zeros. The difference is what was drawn
 * from the thought; the others say what a drawer gets right that knows nothing. Examples without the stage's thoughts count
 * as wrong, those without a scene are left out.
 *
 * @throws EvaluationError `empty-set` where no example has a scene and the stage; `length-mismatch`
 */
export async function evaluateDrawings({
  drawer,
  answers,
  examples,
}: {
  drawer: Drawer;
  /** By example. */
  answers: readonly Answer[];
  examples: readonly ReasoningExample[];
}): Promise<Drawings> {
  const { stage } = drawer.settings;
  if (answers.length !== examples.length)
    throw new EvaluationError({
      code: 'length-mismatch',
      message: `${answers.length} answers for ${examples.length} examples; give one an example, in order.`,
    });
  const kept = [...examples.keys()].filter((index) => examples[index]!.facts?.kind === 'scene');
  const pictures: Drawings['pictures'] = examples.map(() => null);
  const scores: Drawings['scores'] = {};
  for (const condition of conditions) {
    const { indices, requests } = explanationRequests({
      answers: kept.map((index) => answers[index]!),
      examples: kept.map((index) => examples[index]!),
      stage,
      condition,
    });
    if (indices.length === 0) continue;
    const fits = (place: number) => requests[place]?.states.length === drawer.settings.thoughts;
    const places = [...requests.keys()].filter(fits);
    const drawn = await drawer.draw({ thoughts: places.map((place) => requests[place]!.states) });
    const byPlace = new Map(places.map((place, index) => [place, drawn[index]!]));
    const score: DrawingScore = {
      count: indices.length,
      objects: { right: 0, total: 0 },
      colours: { right: 0, total: 0 },
      shapes: { right: 0, total: 0 },
    };
    for (const [place, index] of indices.entries()) {
      const { facts } = examples[kept[index]!]!;
      if (facts?.kind !== 'scene') continue;
      const picture = byPlace.get(place);
      const predicted = picture ? seeScene({ picture, rows: facts.rows, columns: facts.columns }) : [];
      const one = scoreCaptionFacts({ predicted, truth: facts.objects });
      for (const key of ['objects', 'colours', 'shapes'] as const) {
        score[key].right += one[key].right;
        score[key].total += one[key].total;
      }
      if (condition === 'own' && picture) pictures[kept[index]!] = picture;
    }
    scores[condition] = score;
  }
  if (!scores.own)
    throw new EvaluationError({
      code: 'empty-set',
      message: `No example has a stage "${stage}" and a generated scene that its drawings could be held against. Take data that \`subtext data generate scenes\` wrote.`,
    });
  return { stage, scores, pictures };
}
