import type { StageAudit, WordsAudit } from '@subtext/eval';
import { describe, expect, it } from 'vitest';

import { auditHighlights, auditRows, auditSections, type StartAudit } from '../src/pipeline/start-audits';
import { startTable } from '../src/pipeline/start-table';

const share = (value: number) => ({ value, interval: [value, value] as [number, number] });
const stage = (name: string, follows: number, verdict: StageAudit['verdict']): StageAudit => ({
  stage: name,
  pairs: 40,
  truthKnown: true,
  verdict,
  certain: true,
  evidence: [],
  swap: { follows: share(follows), stays: share(1 - follows), changes: share(follows), somethingElse: share(0) },
});
const told = (name: string, follows: number | null): WordsAudit => ({
  stage: name,
  edit: 'one fact',
  follows: follows === null ? null : { ...share(follows), count: 30 },
  stays: { ...share(0.9), count: 30 },
  ownWords: null,
  read: null,
  seen: null,
});
const audits: StartAudit[] = [
  { method: 'published', count: 50, stages: [stage('caption', 0, 'not used')], words: [] },
  {
    method: 'chain',
    count: 50,
    stages: [stage('caption', 0.975, 'used'), { ...stage('reasoning', 0, 'cannot tell'), pairs: 0, swap: null }],
    words: [told('caption', 0.95), told('reasoning', null)],
  },
  { method: 'sums', count: 50, stages: [], words: [] },
];

describe('what the start says of used thoughts', () => {
  it('has a row for each swapped stage, and for each edited one that decides something', () => {
    expect(auditRows(audits)).toEqual([
      ['published: caption swapped', '40', '0.0 %', '100.0 %', 'not used'],
      ['chain: caption swapped', '40', '97.5 %', '2.5 %', 'used'],
      ['chain: reasoning swapped', '0', '–', '–', 'cannot tell'],
      ['chain: caption edited in words (one fact)', '30', '95.0 %', '90.0 %', ''],
    ]);
    expect(auditSections(audits)[0]!.html).toContain('Are the thoughts used?');
    expect(startTable({ methods: [], audits, explanations: {} } as never)).toMatch(
      /answer follows +stays +verdict\n +published: caption swapped +40 +0\.0 %/,
    );
  });

  it('stands out for the last model with captions beside the first; nothing without an audit', () => {
    expect(auditHighlights(audits)).toEqual([
      {
        label: 'answers follow swapped thoughts',
        value: '97.5 %',
        note: 'caption swapped; published: 0.0 %',
      },
      { label: 'answers follow an edit in words', value: '95.0 %', note: 'one fact of the caption' },
    ]);
    expect([auditHighlights([]), auditSections([]), auditRows([])]).toEqual([[], [], []]);
  });
});
