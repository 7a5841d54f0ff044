import { RandomStream } from '@subtext/data';
import type { ThoughtStates } from '@subtext/decoder';
import { describe, expect, it } from 'vitest';

import { renderReport } from '../report/render-report';
import { auditInterpreter } from './audit-interpreter';
import { auditMarkdown } from './audit-markdown';
import { interpreterAuditSections, thoughtAuditSections } from './audit-sections';
import type { InterpreterAuditSubject, ThoughtAuditSubject } from './audit-subject';
import { auditThoughts } from './audit-thoughts';
import { retainedInformation } from './retained-information';
import { judgeThoughts } from './thought-verdict';

interface Example {
  index: number;
  answer: number;
}

const options = 4;
const examples = (count: number): Example[] => {
  const random = new RandomStream({ seed: 3, name: 'examples' });
  return Array.from({ length: count }, (_, index) => ({ index, answer: random.integer(options) }));
};

/** Two thoughts: a step that says nothing of the answer, and one that points at it. */
const thoughtsOf = ({ index, answer }: Example): ThoughtStates => [
  Float32Array.from({ length: options }, (_, unit) => 1 + Math.sin(index * 7 + unit)),
  Float32Array.from({ length: options }, (_, unit) => (unit === answer ? 3 : 0) + 0.1 * Math.cos(index + unit)),
];

/** Reads the answer from the thought for some examples and from the question for the others. */
function subjectThat(reads: (example: Example) => boolean): ThoughtAuditSubject<Example> {
  return {
    collect: ({ examples: list }) => Promise.resolve(list.map(thoughtsOf)),
    run: ({ examples: list, intervention }) =>
      Promise.resolve(
        list.map((example, index) => {
          const state = (intervention?.thoughts[index] ?? thoughtsOf(example))[1];
          // The second place must hold a pointed thought: the largest unit stands out.
          const best = state === undefined ? -1 : state.indexOf(Math.max(...state));
          const clear = state !== undefined && (state[best] as number) > 2.5;
          const said = reads(example) ? (clear ? best : example.index % options) : example.answer;
          return {
            correct: said === example.answer,
            answer: String(said),
            negativeLogLikelihood: said === example.answer ? 0.1 : 2,
          };
        }),
      ),
  };
}

describe('auditThoughts', () => {
  it('says used of a model that answers by its thoughts alone', async () => {
    const audit = await auditThoughts({
      subject: subjectThat(() => true),
      examples: examples(200),
      floor: 0.25,
      resamples: 300,
    });
    expect(audit).toMatchObject({ verdict: 'used', certain: true, accuracy: { value: 1 } });
    const swapped = audit.interventions.find(({ kind }) => kind === 'swapped');
    expect(swapped?.effect?.follows?.value).toBe(1);
    expect(swapped?.effect?.stays?.value).toBe(0);
    const cuts = audit.interventions.filter(({ kind }) => kind === 'cut');
    expect(cuts.map(({ kept }) => kept)).toEqual([0, 1]);
    for (const { effect } of audit.interventions) expect(effect?.accuracyDrop.interval[0]).toBeGreaterThan(0.3);
    expect(audit.interventions.every(({ effect }) => (effect?.pValue ?? 1) < 0.001)).toBe(true);
  });

  it('says not used of a model that never looks at them', async () => {
    const audit = await auditThoughts({
      subject: subjectThat(() => false),
      examples: examples(200),
      floor: 0.25,
      resamples: 300,
    });
    expect(audit).toMatchObject({ verdict: 'not used', certain: true, dependence: { value: 0 } });
    const swapped = audit.interventions.find(({ kind }) => kind === 'swapped');
    expect(swapped?.effect).toMatchObject({
      follows: { value: 0 },
      stays: { value: 1 },
      flips: { value: 0 },
      pValue: 1,
    });
  });

  it('says partly used of a model that needs them for a third of the examples', async () => {
    const audit = await auditThoughts({
      subject: subjectThat(({ index }) => index % 3 === 0),
      examples: examples(300),
      floor: 0,
      resamples: 300,
    });
    expect(audit).toMatchObject({ verdict: 'partly used', certain: true });
    expect(audit.dependence?.value).toBeGreaterThan(0.15);
    expect(audit.dependence?.value).toBeLessThan(0.35);
  });

  it('sees use in the likelihood where accuracy stays', async () => {
    const blind = subjectThat(() => false);
    const subject: ThoughtAuditSubject<Example> = {
      collect: blind.collect,
      run: async (run) =>
        (await blind.run(run)).map((sample) => ({
          ...sample,
          negativeLogLikelihood: run.intervention === null ? 0.1 : 0.4,
        })),
    };
    expect(await auditThoughts({ subject, examples: examples(100), resamples: 300 })).toMatchObject({
      verdict: 'partly used',
      certain: true,
    });
  });

  it('does not call a broken model’s thoughts used, and says when samples are too few', async () => {
    const subject = subjectThat(() => true);
    const broken: ThoughtAuditSubject<Example> = {
      collect: subject.collect,
      run: async (run) => (await subject.run(run)).map((sample, index) => ({ ...sample, correct: index % 4 === 0 })),
    };
    expect(
      await auditThoughts({ subject: broken, examples: examples(100), floor: 0.25, resamples: 300 }),
    ).toMatchObject({ verdict: 'cannot tell', certain: false });
    const few = await auditThoughts({
      subject: subjectThat(({ index }) => index % 3 === 0),
      examples: examples(8),
      resamples: 300,
    });
    expect(few.certain).toBe(false);
  });

  it('cannot tell where no thought could be exchanged for another', async () => {
    // One thought, the same for all: neither the mean nor another's is another thought.
    const subject = subjectThat(() => false);
    const same: ThoughtAuditSubject<Example> = {
      ...subject,
      collect: ({ examples: list }) => Promise.resolve(list.map(() => [Float32Array.of(1, 2)])),
    };
    const audit = await auditThoughts({ subject: same, examples: examples(60), floor: 0.2, resamples: 200 });
    expect(audit).toMatchObject({ verdict: 'cannot tell', certain: false, dependence: null });
    expect(audit.evidence.join(' ')).toMatch(/No thoughts could be swapped/);
  });

  it('leaves examples out of the control whose number of thoughts no other has, and says so', async () => {
    const subject = subjectThat(() => true);
    const lengths = (list: readonly Example[]) =>
      list.map((example, index) =>
        index === 0 ? [...thoughtsOf(example), Float32Array.of(1, 1, 1, 1)] : thoughtsOf(example),
      );
    const audit = await auditThoughts({
      subject: { ...subject, collect: ({ examples: list }) => Promise.resolve(lengths(list)) },
      examples: examples(80),
      floor: 0.25,
      resamples: 200,
    });
    expect(audit).toMatchObject({ verdict: 'used', withoutAnother: 1 });
    expect(audit.interventions.find(({ kind }) => kind === 'another')?.count).toBe(79);
    expect(audit.evidence.join(' ')).toMatch(/For 1 example no other has the same number of thoughts/);
    // Each a number of its own: there is no such control, and the mean alone decides nothing of it.
    const alone = await auditThoughts({
      subject: {
        ...subject,
        collect: ({ examples: list }) =>
          Promise.resolve(
            list.map((example, index) =>
              Array.from({ length: index + 2 }, (_, place) => thoughtsOf(example)[Math.min(1, place)] as Float32Array),
            ),
          ),
      },
      examples: examples(12),
      floor: 0,
      resamples: 200,
    });
    expect(alone.interventions.find(({ kind }) => kind === 'another')).toMatchObject({ count: 0, effect: null });
  });

  it('counts resamples without room above the floor, and cannot tell with many of them', async () => {
    const subject = subjectThat(({ index }) => index % 2 === 0);
    const half: ThoughtAuditSubject<Example> = {
      ...subject,
      run: async (run) =>
        (await subject.run(run)).map((sample, index) => ({ ...sample, correct: sample.correct && index % 9 !== 0 })),
    };
    const audit = await auditThoughts({ subject: half, examples: examples(18), floor: 0.62, resamples: 400 });
    expect(audit.dependence?.undefinedShare).toBeGreaterThan(0);
    expect(audit.evidence.join(' ')).toMatch(/of the resamples are excluded/);
    const dependence = { value: 0.8, interval: [0.6, 0.9] as const, count: 18, undefinedShare: 0.2 };
    expect(judgeThoughts({ ...audit, dependence })).toMatchObject({ verdict: 'cannot tell', certain: false });
  });

  it('swaps thoughts only where the other’s answer is a candidate', async () => {
    const audit = await auditThoughts({
      subject: subjectThat(() => true),
      examples: examples(200),
      floor: 0.25,
      resamples: 200,
      candidate: ({ answer }, other) => answer < 2 === Number(other) < 2,
    });
    const swapped = audit.interventions.find(({ kind }) => kind === 'swapped');
    expect(swapped?.count).toBeGreaterThan(150);
    expect(swapped?.effect?.follows?.value).toBe(1);
    const none = await auditThoughts({
      subject: subjectThat(() => true),
      examples: examples(20),
      floor: 0.25,
      resamples: 200,
      candidate: () => false,
    });
    expect(none.interventions.find(({ kind }) => kind === 'swapped')).toMatchObject({ count: 0, effect: null });
    expect(none.evidence.join(' ')).toMatch(/No two examples .* could swap/);
  });

  it('is the same for the same seed', async () => {
    const run = () =>
      auditThoughts({
        subject: subjectThat(({ index }) => index % 2 === 0),
        examples: examples(40),
        resamples: 200,
        seed: 5,
      });
    expect(await run()).toEqual(await run());
  });

  it('refuses a set without thoughts and a subject that loses samples', async () => {
    const subject = subjectThat(() => true);
    await expect(
      auditThoughts({
        subject: { ...subject, collect: ({ examples: list }) => Promise.resolve(list.map(() => [])) },
        examples: examples(3),
      }),
    ).rejects.toMatchObject({ code: 'empty-set' });
    await expect(
      auditThoughts({ subject: { ...subject, run: () => Promise.resolve([]) }, examples: examples(3) }),
    ).rejects.toThrowError(/returned 0 samples for 3 examples/);
    await expect(auditThoughts({ subject, examples: examples(1) })).rejects.toMatchObject({ code: 'empty-set' });
  });
});

/** Tells the answer from the thought, from the question's hint, or both; ten facts a text. */
function interpreterThat({
  reads,
  hint,
  facts = true,
}: {
  reads: number;
  hint: number;
  facts?: boolean;
}): InterpreterAuditSubject<Example> {
  return {
    collect: ({ examples: list }) => Promise.resolve(list.map((example) => [thoughtsOf(example)[1] as Float32Array])),
    explain: ({ examples: list, thoughts, question }) =>
      Promise.resolve(
        list.map((example, index) => {
          const state = thoughts?.[index]?.[0];
          const read = state !== undefined && (state[example.answer] as number) > 2.5;
          const right = Math.max(read ? reads : 0, question ? hint : 0);
          return {
            text: `${right} ${example.index}`,
            factsRight: facts ? right : 0,
            factsTotal: facts ? 10 : 0,
            negativeLogLikelihood: 2 - right / 6,
          };
        }),
      ),
  };
}

describe('auditInterpreter', () => {
  it('tells an oracle from a blind one', async () => {
    const oracle = await auditInterpreter({
      subject: interpreterThat({ reads: 10, hint: 3 }),
      examples: examples(120),
      resamples: 300,
    });
    expect(oracle).toMatchObject({ verdict: 'reads the thought', certain: true, measure: 'facts' });
    expect(oracle.conditions.find(({ condition }) => condition === 'thought only')?.factsRight?.value).toBe(1);
    const blind = await auditInterpreter({
      subject: interpreterThat({ reads: 0, hint: 6 }),
      examples: examples(120),
      resamples: 300,
    });
    expect(blind).toMatchObject({ verdict: 'guesses from the question', certain: true, readShare: { value: 0 } });
    expect(blind.conditions.find(({ condition }) => condition === 'zeros')?.sameText?.value).toBe(1);
  });

  it('says of one that tells nothing right, whatever it is given, that it reads nothing', async () => {
    const silent = interpreterThat({ reads: 0, hint: 0 });
    const subject: InterpreterAuditSubject<Example> = {
      ...silent,
      explain: async (options) => (await silent.explain(options)).map((sample) => ({ ...sample, factsRight: 0 })),
    };
    expect(await auditInterpreter({ subject, examples: examples(120), resamples: 300 })).toMatchObject({
      verdict: 'reads nothing',
      certain: true,
      readShare: { value: 0 },
    });
  });

  it('says partly of one between', async () => {
    // Another example's thought has the same answer in a quarter of the cases, so the best blind guess is a little above the hint.
    expect(
      await auditInterpreter({
        subject: interpreterThat({ reads: 5, hint: 3 }),
        examples: examples(300),
        resamples: 300,
      }),
    ).toMatchObject({ verdict: 'partly', certain: true });
  });

  it('judges by the likelihood where the data has no facts', async () => {
    const oracle = await auditInterpreter({
      subject: interpreterThat({ reads: 11, hint: 0, facts: false }),
      examples: examples(120),
      resamples: 300,
    });
    expect(oracle).toMatchObject({ measure: 'likelihood', verdict: 'reads the thought' });
    expect(oracle.conditions[0]?.factsRight).toBeNull();
    expect(
      await auditInterpreter({
        subject: interpreterThat({ reads: 0, hint: 5, facts: false }),
        examples: examples(50),
        resamples: 300,
      }),
    ).toMatchObject({ verdict: 'guesses from the question' });
  });

  it('rests on inputs that it was trained on: another’s thought, and a blind interpreter where one is given', async () => {
    // Lost without a thought, since it never saw such a prompt; but another's thought serves as well as the own.
    const lost = interpreterThat({ reads: 0, hint: 6 });
    const subject: InterpreterAuditSubject<Example> = {
      ...lost,
      explain: async (options) =>
        (await lost.explain(options)).map((sample) =>
          options.thoughts === null ? { ...sample, factsRight: 0 } : sample,
        ),
    };
    expect(await auditInterpreter({ subject, examples: examples(120), resamples: 300 })).toMatchObject({
      verdict: 'guesses from the question',
    });
    const oracle = await auditInterpreter({
      subject: interpreterThat({ reads: 10, hint: 3 }),
      blind: interpreterThat({ reads: 0, hint: 9 }),
      examples: examples(120),
      resamples: 300,
    });
    expect(oracle.conditions.find(({ condition }) => condition === 'blind interpreter')?.factsRight?.value).toBeCloseTo(
      0.9,
      5,
    );
    expect(oracle.verdict).toBe('reads the thought');
    expect(
      await auditInterpreter({
        subject: interpreterThat({ reads: 9, hint: 3 }),
        blind: interpreterThat({ reads: 0, hint: 9 }),
        examples: examples(120),
        resamples: 300,
      }),
    ).toMatchObject({ verdict: 'guesses from the question' });
  });

  it('has no other’s thought where no other example has as many, and says so', async () => {
    const oracle = interpreterThat({ reads: 10, hint: 3 });
    const pieces = (list: readonly Example[], of: (index: number) => number) =>
      list.map((example, index) => Array.from({ length: of(index) }, () => thoughtsOf(example)[1] as Float32Array));
    const alone = await auditInterpreter({
      subject: { ...oracle, collect: ({ examples: list }) => Promise.resolve(pieces(list, (index) => index + 1)) },
      examples: examples(12),
      resamples: 200,
    });
    expect(alone.conditions.map(({ condition }) => condition)).not.toContain('another');
    expect(alone).toMatchObject({ verdict: 'cannot tell', readShare: null });
    expect(alone.evidence.join(' ')).toMatch(/No two examples have the same number of thoughts/);
    const one = await auditInterpreter({
      subject: {
        ...oracle,
        collect: ({ examples: list }) => Promise.resolve(pieces(list, (index) => (index === 0 ? 2 : 1))),
      },
      examples: examples(60),
      resamples: 200,
    });
    expect(one.conditions.find(({ condition }) => condition === 'another')).toMatchObject({ count: 59 });
    expect(one).toMatchObject({ verdict: 'reads the thought', readShare: { count: 59 } });
  });

  it('gives no certain verdict where the question tells all', async () => {
    expect(
      await auditInterpreter({
        subject: interpreterThat({ reads: 10, hint: 10 }),
        examples: examples(50),
        resamples: 300,
      }),
    ).toMatchObject({ readShare: null, verdict: 'cannot tell', certain: false });
  });
});

describe('retainedInformation', () => {
  it('is ρ, with an interval that holds it', () => {
    const random = new RandomStream({ seed: 2, name: 'likelihoods' });
    const withoutChain = Array.from({ length: 400 }, () => 2 + random.uniform());
    const written = withoutChain.map((value) => value - 2);
    const hidden = withoutChain.map((value) => value - 1.5 + random.uniform(-0.5, 0.5));
    const result = retainedInformation({ withoutChain, hidden, written, resamples: 500 });
    expect(result.value).toBeCloseTo(0.75, 1);
    expect(result.interval?.[0]).toBeLessThan(0.75);
    expect(result.interval?.[1]).toBeGreaterThan(0.74);
  });

  it('is not defined where the chain tells nothing', () => {
    expect(
      retainedInformation({ withoutChain: [1, 1], hidden: [1, 0.5], written: [1, 1.2], resamples: 100 }),
    ).toMatchObject({ value: null, interval: null });
    expect(() => retainedInformation({ withoutChain: [1], hidden: [], written: [1] })).toThrowError(
      expect.objectContaining({ code: 'length-mismatch' }),
    );
  });
});

describe('reports of audits', () => {
  it('show verdict, evidence and every condition', async () => {
    const thoughts = await auditThoughts({ subject: subjectThat(() => true), examples: examples(60), resamples: 200 });
    const interpreter = await auditInterpreter({
      subject: interpreterThat({ reads: 10, hint: 3 }),
      examples: examples(60),
      resamples: 200,
    });
    const retained = retainedInformation({
      withoutChain: [2, 2.2],
      hidden: [1, 1.1],
      written: [0.5, 0.4],
      resamples: 100,
    });
    const html = renderReport({
      title: 'Audit',
      summary: 's',
      sections: [
        ...thoughtAuditSections({ audit: thoughts, retained }),
        ...interpreterAuditSections({ audit: interpreter }),
      ],
    });
    expect(html).toContain('The thoughts: used.');
    expect(html).toContain('The interpreter: reads the thought.');
    expect(html).toContain('Retained information ρ');
    const markdown = auditMarkdown({ thoughts, retained, interpreters: [{ name: 'caption', audit: interpreter }] });
    for (const { name, kind, kept } of thoughts.interventions)
      expect(markdown).toContain(kind !== 'cut' ? name : kept === 0 ? 'no thoughts at all' : `own, ${name} kept`);
    expect(markdown).not.toMatch(/undefined|NaN|\[object/);
    expect(html).not.toMatch(/undefined|NaN|\[object/);
  });
});
