import { useEngine } from '@subtext/tensor';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { drawExamples, trainNumberReasoner } from '../../../reasoner/test/number-world';
import { toyTask } from '../../test/toy-reasoner';
import type { EvaluationTask } from '../tasks/evaluation-task';
import { evaluateUse } from './evaluate-use';

let folder: string;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  folder = await mkdtemp(join(tmpdir(), 'subtext-use-'));
  const trained = trainNumberReasoner({ visibility: 'chain', fromWords: 0.5 });
  await trained.save({ folder: join(folder, 'reasoner') });
  trained.dispose();
}, 60_000);
afterAll(async () => rm(folder, { recursive: true }));

it('exchanges and tells thoughts, keeps what it found, and measures anew what is another run or broken', async () => {
  const path = join(folder, 'use.json');
  const labels = new Set<string>();
  const given = {
    method: 'toy',
    path,
    fingerprint: 'one',
    reasoner: join(folder, 'reasoner'),
    loaded: { task: toyTask as unknown as EvaluationTask, examples: drawExamples({ count: 24, seed: 2 }) },
    limit: 20,
    onEvent: (told: { event: string; label?: string }) => void labels.add(told.label ?? ''),
  };
  const first = await evaluateUse(given);
  expect(first.count).toBe(20);
  expect(first.stages.map(({ stage, verdict }) => [stage, verdict])).toEqual([['step_1', 'used']]);
  expect(first.words.map(({ stage }) => stage)).toEqual(['step_1']);
  const exchanged = first.changed.filter(({ kind }) => kind === 'exchanged');
  expect(exchanged).toHaveLength(first.stages[0]!.pairs);
  // Where the data does not tell what follows, the partner's answer is what one may expect.
  for (const { expected, answer } of exchanged) expect(typeof expected).toBe(typeof answer);
  const told = first.changed.filter(({ kind }) => kind === 'told');
  expect(told).toHaveLength((first.words[0]!.follows?.count ?? 0) + (first.words[0]!.stays?.count ?? 0));
  expect([...labels]).toEqual(['toy: answering', 'toy: exchanging thoughts', 'toy: telling thoughts in words']);
  labels.clear();
  expect(await evaluateUse(given)).toEqual(JSON.parse(JSON.stringify(first)));
  expect(labels.size).toBe(0);
  await writeFile(path, (await readFile(path, 'utf8')).slice(0, 40));
  expect((await evaluateUse(given)).stages).toEqual(first.stages);
  expect(labels.size).toBeGreaterThan(0);
  labels.clear();
  await evaluateUse({ ...given, fingerprint: 'two' });
  expect(labels.size).toBeGreaterThan(0);
}, 60_000);
