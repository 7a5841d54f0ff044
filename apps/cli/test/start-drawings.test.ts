import { encodePng } from '@subtext/data';
import type { ThinkingEvaluation } from '@subtext/eval';
import { describe, expect, it } from 'vitest';

import { drawingHighlights, drawingOf, drawingSections, shownStages } from '../src/pipeline/start-drawings';
import { startTable } from '../src/pipeline/start-table';

const score = (right: number) => ({
  count: 2,
  objects: { right, total: 8 },
  colours: { right: 8, total: 8 },
  shapes: { right, total: 8 },
});
const drawings: NonNullable<ThinkingEvaluation['drawings']> = {
  stage: 'caption',
  scores: { own: score(7), another: score(1), zeros: score(0) },
};
const png = encodePng({ width: 2, height: 2, data: new Uint8Array(12) });
const drawing = `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
const example = (more: object) => ({ id: '1', explanations: {}, ...more }) as ThinkingEvaluation['examples'][number];

describe('what the start says of drawn thoughts', () => {
  it('is a number, a table and its rows in the terminal', () => {
    expect(drawingHighlights(drawings)).toEqual([
      {
        label: 'objects drawn correctly from the caption',
        value: '87.5 %',
        note: "in colour and shape; another image's thought: 12.5 %",
      },
    ]);
    const [section] = drawingSections(drawings);
    expect(section!.html).toContain('another image&#39;s thought');
    const table = startTable({ methods: [], audits: [], explanations: {}, drawings } as never);
    expect(table).toMatch(
      /thought decoded to image +objects correct % +colours % +shapes %\n +caption: own thought +87\.5 +100\.0 +87\.5/,
    );
  });

  it('is nothing without a drawer', () => {
    expect([drawingHighlights(undefined), drawingSections(undefined)]).toEqual([[], []]);
    expect(startTable({ methods: [], audits: [], explanations: {} } as never)).not.toContain('decoded to image');
    expect(shownStages({ example: example({ drawing }), drawnStage: undefined })).toEqual([]);
  });

  it('stands in the gallery beside its stage, whether an interpreter read that or not', () => {
    const read = example({ drawing, explanations: { summary: 'a', caption: 'b' } });
    expect(shownStages({ example: read, drawnStage: 'caption' })).toEqual(['summary', 'caption']);
    expect(shownStages({ example: example({ drawing }), drawnStage: 'caption' })).toEqual(['caption']);
    expect(shownStages({ example: example({}), drawnStage: 'caption' })).toEqual([]);
    expect(drawingOf({ example: read, stage: 'summary', drawnStage: 'caption' })).toEqual({});
    expect(drawingOf({ example: read, stage: 'caption', drawnStage: 'caption' }).drawing).toMatchObject({
      data: drawing,
    });
  });
});
