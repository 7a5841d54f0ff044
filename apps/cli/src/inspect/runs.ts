import type { ReasoningExample } from '@subtext/data';
import { findRuns, readRun } from '@subtext/trainer/runs';
import { basename, join, relative } from 'node:path';

import { measuresIn, runTable } from '../training-runs/run-table';
import { readAudit, type ServedAudit } from './audits';
import { picturesIn, readGallery, type ServedGalleryItem, type ServedPicture } from './gallery';
import type { ServedPictures } from './served-pictures';

/** A training run, as the page shows it. */
export interface ServedRun {
  name: string;
  facts: Record<string, string>;
  curves: Record<string, { step: number; value: number }[]>;
  problems: string[];
  tables: { title: string; columns: string[]; rows: (string | number | null)[][] }[];
  /** What it answered to examples that it never saw; empty where it was not evaluated. */
  gallery: ServedGalleryItem[];
  /** Pictures in its folder. */
  pictures: ServedPicture[];
}

/** Points of a curve that a page is given. */
const POINTS = 600;

/** The runs of folders, with what they measured of themselves. */
export async function runsIn({
  folders,
  examples,
  pictures,
  problems,
}: {
  folders: readonly string[];
  /** What the page shows: steps of those that a gallery names too stand there as the truth. */
  examples: readonly ReasoningExample[];
  pictures: ServedPictures;
  /** Takes what cannot be read. */
  problems: string[];
}): Promise<ServedRun[]> {
  const found: ServedRun[] = [];
  for (const folder of folders) {
    const runs = await findRuns(folder);
    if (runs.length === 0) problems.push(`${folder} holds no run: no configuration.json or log.jsonl in it.`);
    for (const at of runs) {
      const run = await readRun(at);
      const { header, rows } = runTable({ runs: [run] });
      found.push({
        name: relative(folder, at) || basename(at),
        facts: Object.fromEntries(header.slice(1).map((name, index) => [name, rows[0]![index + 1]!])),
        curves: Object.fromEntries(
          measuresIn([run]).map((measure) => [
            measure,
            thinned(run.curves.curve(measure)).map(({ x, y }) => ({ step: x, value: y })),
          ]),
        ),
        problems: run.problems,
        tables: await tablesOf(at),
        gallery: await readGallery({ folder: at, examples, pictures }),
        pictures: await picturesIn({ folder: at, pictures }),
      });
    }
  }
  return found;
}

/** What a run measured of its thoughts, and what an audit of it did. */
async function tablesOf(folder: string): Promise<ServedRun['tables']> {
  const audits = await Promise.all(
    ['use.json', join('audit', 'audit.json')].map((name) => readAudit(join(folder, name))),
  );
  return audits.flatMap((audit) =>
    audit === undefined || audit.stages.length === 0
      ? []
      : [
          {
            title: `${basename(folder)}: are its thoughts used?`,
            columns: ['stage', 'verdict', 'share', '95 % interval', 'why'],
            rows: rowsOf(audit),
          },
        ],
  );
}

function rowsOf({ stages }: ServedAudit): ServedRun['tables'][number]['rows'] {
  const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
  return stages.map(({ stage, verdict, measure, share, evidence }) => [
    stage,
    verdict,
    share === null ? null : `${measure} ${percent(share.value)}`,
    share === null ? null : share.interval.map(percent).join(' to '),
    evidence.join(' '),
  ]);
}

/** At most {@link POINTS} of a curve, the last among them. */
function thinned<Point>(points: readonly Point[]): Point[] {
  const step = Math.ceil(points.length / POINTS);
  return points.filter((_, index) => index % step === 0 || index === points.length - 1);
}
