import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { loadConfiguration } from '../configuration/load-configuration';
import { trainConfiguration } from '../configuration/schema';
import { experimentRuns } from './experiment-runs';
import { experimentConfiguration } from './experiment-schema';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-experiment-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

async function runsOf(text: string, files: Readonly<Record<string, string>> = {}) {
  for (const [name, written] of Object.entries(files)) await writeFile(join(folder, name), written);
  const path = join(folder, 'experiment.yaml');
  await writeFile(path, text);
  return await experimentRuns({ path, experiment: await loadConfiguration({ path, schema: experimentConfiguration }) });
}

const base =
  'data: { train: t }\nmodel: { from: m }\nmethod: { name: coconut, hiddenSteps: 2 }\noutput: elsewhere\nseed: 9\n';

describe('experimentRuns', () => {
  it('builds each run from the base, the settings of all, and what is chosen', async () => {
    const runs = await runsOf(
      `output: out
base: base.yaml
settings: { training: { batchSize: 4 } }
axes:
  method.name: [coconut, cot]
  data: { few: { data: { limit: 8 } }, more: { defaults: more.yaml, model: { from: '\${runs}/few-\${seed}' } } }
seeds: [5, 6]
evaluation: { task: gsm8k, data: d }
`,
      { 'base.yaml': base, 'more.yaml': 'data: { limit: 80 }\n' },
    );
    expect(runs.map(({ name }) => name)).toHaveLength(8);
    expect(runs[0]).toMatchObject({
      name: 'coconut,few-5',
      folder: join('out', 'coconut,few-5'),
      kind: 'text',
      configuration: {
        seed: 5,
        output: join('out', 'coconut,few-5'),
        method: { name: 'coconut', hiddenSteps: 2 },
        training: { batchSize: 4 },
        data: { train: 't', limit: 8 },
      },
    });
    // Another name replaces the group; a run may start from another's model of its own seed.
    expect(runs[7]).toMatchObject({
      name: 'cot,more-6',
      configuration: { method: { name: 'cot' }, data: { limit: 80 }, model: { from: 'out/few-6' } },
    });
  });

  it('refuses all that a run would refuse, before any is trained, with the run or the file where it stands', async () => {
    const of = (axes: string) => `output: out\nbase: base.yaml\naxes: ${axes}\nevaluation: { task: gsm8k, data: d }\n`;
    await expect(runsOf(of('{ method: { odd: { method: { nam: 1 } } } }'), { 'base.yaml': base })).rejects.toThrow(
      /experiment\.yaml \(odd-1\): unknown key "method\.nam"/,
    );
    await expect(runsOf(of('{ x: { a: { defaults: none.yaml } } }'))).rejects.toThrow(
      /none\.yaml, which the "defaults" of \S+experiment\.yaml name/,
    );
    await expect(runsOf(of('{}'), { 'base.yaml': `${base}sead: 1\n` })).rejects.toThrow(
      /base\.yaml:6:1: unknown key "sead"/,
    );
    await expect(runsOf('output: out\nevaluation: { data: d }\nseeds: [-1]\n')).rejects.toThrow(
      /2 faults[^]*2:1: evaluation: give either "task"[^]*3:9: seeds\.0/,
    );
  });

  it('trains graphs where the configuration says so', async () => {
    const [run] = await runsOf(
      'output: out\nbase: graphs.yaml\nseeds: [2]\nevaluation: { task: prosqa-graph, data: d }\n',
      {
        'graphs.yaml': 'kind: graphs\n',
      },
    );
    expect(run).toMatchObject({
      kind: 'graphs',
      name: 'base-2',
      configuration: { seed: 2, method: { form: 'edges' } },
    });
  });
});

describe('tooling/science/arithmetic/experiment.yaml', () => {
  it('trains what its configurations say one by one', async () => {
    const place = fileURLToPath(new URL('../../../../tooling/science/arithmetic/', import.meta.url));
    const path = join(place, 'experiment.yaml');
    const runs = await experimentRuns({
      path,
      experiment: await loadConfiguration({ path, schema: experimentConfiguration }),
    });
    expect(runs).toHaveLength(39);
    for (const { name, cell, seed, configuration } of runs) {
      // What one would give to `subtext train`.
      const overrides = [
        `seed=${seed}`,
        `output=runs/arithmetic/${cell}-${seed}`,
        'data.train=runs/arithmetic/data/train.json',
        'data.evaluation=runs/arithmetic/data/test.json',
        ...(cell === 'adaptive-after-sim-cot' ? [`model.from=runs/arithmetic/sim-cot-${seed}/reasoner`] : []),
      ];
      const script = await loadConfiguration({
        path: join(place, `${cell}.yaml`),
        overrides,
        schema: trainConfiguration,
      });
      expect({ name, configuration }).toEqual({ name: `${cell}-${seed}`, configuration: script });
    }
  });
});

describe('tooling/science/graphs/experiment.yaml', () => {
  it('keeps what is asked, and what seeds are chosen by, out of training', async () => {
    const path = fileURLToPath(new URL('../../../../tooling/science/graphs/experiment.yaml', import.meta.url));
    const experiment = await loadConfiguration({
      path,
      overrides: ['evaluation.data=official.json', 'output=here'],
      schema: experimentConfiguration,
    });
    const runs = await experimentRuns({ path, experiment });
    expect(runs.map(({ name }) => name).slice(0, 4)).toEqual(['coconut-1', 'coconut-2', 'coconut-3', 'pause-1']);
    for (const { kind, configuration } of runs)
      expect({ kind, heldOut: configuration.data }).toMatchObject({
        kind: 'graphs',
        heldOut: { count: 20_000, heldOut: ['official.json', 'here/data/validation.json'] },
      });
  });
});
