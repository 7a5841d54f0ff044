import { readRun, type TrainingRun } from '@subtext/trainer/runs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { linePlot } from './line-plot';
import { measuresIn, runTable } from './run-table';
import { runsPage } from './runs-page';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-runs-'));
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

const lines: readonly object[] = [
  { step: 10, phase: 0, phaseName: 'text', loss: 4, validationLoss: 0.5 },
  { step: 20, phase: 1, phaseName: 'hide caption', loss: 3, validationLoss: 1.5 },
  { step: 50, phase: 1, phaseName: 'hide caption', loss: null, skipped: true },
  { step: 60, phase: 1, phaseName: 'hide caption', loss: 0.75, validationLoss: 1.75 },
];

async function madeRun(
  name: string,
  { log = lines, configuration = { seed: 1, engine: 'wasm', method: { name: 'heima' } } as object } = {},
): Promise<TrainingRun> {
  const path = join(folder, name);
  await mkdir(path);
  await writeFile(join(path, 'configuration.json'), JSON.stringify(configuration));
  await writeFile(join(path, 'log.jsonl'), log.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return readRun(path);
}

describe('tables and pages of runs', () => {
  it('leaves out the columns that say nothing', async () => {
    const run = await madeRun('run');
    const { header, rows } = runTable({ runs: [run], now: run.written! + 90_000 });
    expect(header).toEqual(['run', 'state', 'method', 'phase', 'step', 'loss', 'validation', 'best', 'seed', 'engine']);
    expect(rows[0]!.slice(1)).toEqual([
      'stopped 1 min 30 s ago',
      'heima',
      '2 hide caption',
      '60 (1 skipped)',
      '0.75',
      '1.75',
      '1.5 at 20',
      '1',
      'wasm',
    ]);
  });

  it('names interpreters and measures where a run has them', async () => {
    const joint = await madeRun('joint', { log: [{ step: 1, loss: 5, reasonerLoss: 2, interpreterLoss: 3 }] });
    expect(runTable({ runs: [joint] }).header).toContain('interpreter');
    expect(measuresIn([joint, await madeRun('plain')])).toEqual([
      'jointLoss',
      'loss',
      'reasonerLoss',
      'interpreterLoss',
      'validationLoss',
    ]);
  });

  it('makes one page that asks for nothing from elsewhere', async () => {
    const runs = [await madeRun('one'), await madeRun('other', { configuration: { seed: 2 } })];
    const page = runsPage({ runs, measures: ['loss', 'validationLoss', 'nothing'] });
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).toContain('<h2 id="loss">loss</h2>');
    expect(page).toContain('What differs');
    expect(page).not.toContain('nothing');
    expect(page).not.toMatch(/undefined|\[object|(?:src|href)="(?!#|data:)/);
    expect(runsPage({ runs: [runs[0]!], measures: ['loss'] })).toContain('hide caption');
    // What is set, not measured, is drawn as it is.
    const rising = await madeRun('rising', {
      log: Array.from({ length: 200 }, (_, index) => ({ step: index + 1, loss: index % 2, learningRate: index % 2 })),
    });
    expect(runsPage({ runs: [rising], measures: ['loss'] })).toContain('line raw');
    expect(runsPage({ runs: [rising], measures: ['learningRate'] })).not.toContain('line raw');
  });
});

describe('linePlot', () => {
  it('puts the highest at the top, the last at the right, and names the lines', () => {
    const plot = linePlot({
      lines: [
        {
          name: 'falling',
          points: [
            { x: 0, y: 4 },
            { x: 1, y: 2 },
            { x: 2, y: 0 },
          ],
        },
        { name: 'flat', points: [{ x: 0, y: 0 }] },
      ],
      width: 5,
      height: 3,
    });
    expect(plot.split('\n')).toEqual([
      '4 ┤●',
      '2 ┤  ●',
      '0 ┤+   ●',
      '  └─────',
      '   0   2',
      '   ● falling',
      '   + flat',
    ]);
  });

  it('averages what falls into one column, and leaves out what has no place on the axis', () => {
    // The middle column holds 100 and 10,000: on a logarithmic axis their mean is 1,000, between 1 and 10⁶.
    const points = [
      { x: 0, y: 1 },
      { x: 1, y: 100 },
      { x: 1.01, y: 10_000 },
      { x: 2, y: 1e6 },
      { x: 3, y: 0 },
      { x: 4, y: NaN },
    ];
    const rows = linePlot({ lines: [{ name: 'a', points }], width: 3, height: 3, logarithmic: true }).split('\n');
    expect(rows.slice(0, 3)).toEqual(['1000000 ┤  ●', '   1000 ┤ ●', '      1 ┤●']);
    expect(linePlot({ lines: [{ name: 'a', points: [{ x: 1, y: NaN }] }] })).toBe('');
    expect(linePlot({ lines: [{ name: 'a', points: [{ x: 1, y: 5 }] }], width: 4, height: 3 })).toContain('●');
  });
});
