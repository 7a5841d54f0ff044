import { type FactCount } from '@subtext/data';
import { type GalleryThought, type ReportSection, tableSection, type ThinkingEvaluation } from '@subtext/eval';

import { conditionName } from './condition-name';

type Drawings = ThinkingEvaluation['drawings'];

/** Of what there is, how much is right. */
export const shareOf = ({ right, total }: FactCount) => right / total;

const percent = (count: FactCount) => `${(shareOf(count) * 100).toFixed(1)} %`;

/** The number that stands out; none without a drawer. */
export function drawingHighlights(drawings: Drawings): { label: string; value: string; note: string }[] {
  if (drawings?.scores.own === undefined) return [];
  const { own, another } = drawings.scores;
  return [
    {
      label: `objects drawn correctly from the ${drawings.stage}`,
      value: percent(own.objects),
      note: `in colour and shape${another === undefined ? '' : `; another image's thought: ${percent(another.objects)}`}`,
    },
  ];
}

/** The table of what was drawn right; none without a drawer. */
export function drawingSections(drawings: Drawings): ReportSection[] {
  if (drawings === undefined) return [];
  return [
    tableSection({
      title: `Drawing the thought: ${drawings.stage}`,
      caption: `What the drawer draws for the hidden ${drawings.stage}, compared cell by cell with the true scene: given its own thought, another image's thought, or zeros.`,
      columns: [
        'Given',
        { header: 'Objects right', format: 'percent' },
        { header: 'Colours', format: 'percent' },
        { header: 'Shapes', format: 'percent' },
      ],
      rows: Object.entries(drawings.scores).map(([condition, { objects, colours, shapes }]) => [
        conditionName(condition),
        shareOf(objects),
        shareOf(colours),
        shareOf(shapes),
      ]),
      notes: ['An object is right where both its colour and its shape are.'],
    }),
  ];
}

/** The stages of an example that the gallery shows: those that were explained, and the one that was drawn. */
export function shownStages({
  example: { explanations, drawing },
  drawnStage,
}: {
  example: ThinkingEvaluation['examples'][number];
  drawnStage: string | undefined;
}): string[] {
  const drawn = drawing === undefined || drawnStage === undefined ? [] : [drawnStage];
  return [...new Set([...Object.keys(explanations), ...drawn])];
}

/** What was drawn of an example's stage, for the gallery. */
export function drawingOf({
  example,
  stage,
  drawnStage,
}: {
  example: ThinkingEvaluation['examples'][number];
  stage: string;
  /** The stage that a drawer draws, if there is one. */
  drawnStage: string | undefined;
}): Pick<GalleryThought, 'drawing'> {
  if (example.drawing === undefined || stage !== drawnStage) return {};
  const alternativeText = `What was drawn of the ${stage} of ${example.id}`;
  return { drawing: { data: example.drawing, alternativeText, pixelated: true } };
}
