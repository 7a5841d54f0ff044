import { findCounterfactuals, RandomStream } from '@subtext/data';
import type { Reasoner } from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { calculations, trainCalculatingReasoner } from '../../test/arithmetic-reasoner';
import { toyExamples, toyTask, trainToyReasoner } from '../../test/toy-reasoner';
import { answerGradients, gradientSentences } from './answer-gradients';
import { auditStages } from './audit-stages';
import type { StageAuditSubject } from './audit-subject';
import { OwnResponses } from './own-responses';
import { ReasonerStages } from './reasoner-stages';
import { judgeStage } from './stage-verdict';

interface Example {
  /** What its caption and its reasoning say. */
  caption: number;
  move: number;
}

const size = 4;
const world = (count: number): Example[] => {
  const random = new RandomStream({ seed: 3, name: 'examples' });
  return Array.from({ length: count }, () => ({ caption: random.integer(size), move: random.integer(size) }));
};
const answerOf = ({ caption, move }: Example) => String((caption + move) % size);
const ownOf = (examples: readonly Example[]) =>
  examples.map((example) => ({ answer: answerOf(example), correct: true }));

/** A model whose answer is made of the caption as the stage says; `follows`: for how many of its exchanges. */
function subjectThat(
  answer: (options: { example: Example; partner: Example; row: number }) => string | null,
  shapes?: (row: number) => string | null,
): StageAuditSubject<Example> & { asked: Int32Array[] } {
  const asked: Int32Array[] = [];
  return {
    asked,
    stages: ({ examples }) =>
      Promise.resolve([{ name: 'caption', shapes: examples.map((_, row) => (shapes ? shapes(row) : '1')) }]),
    swap: ({ examples, partners }) => {
      asked.push(partners);
      return Promise.resolve(
        examples.map((example, row) =>
          partners[row]! < 0 ? answerOf(example) : answer({ example, partner: examples[partners[row]!]!, row }),
        ),
      );
    },
  };
}
const truth = ({ example, partner }: { example: Example; partner: Example }) =>
  answerOf({ ...example, caption: partner.caption });

describe('auditStages', () => {
  it('says used where answers follow from the partner’s stage, and takes only partners with whom it shows', async () => {
    const examples = world(120);
    const subject = subjectThat(truth);
    const [audit] = await auditStages({ subject, examples, own: ownOf(examples), counterfactual: truth });
    expect(audit).toMatchObject({
      stage: 'caption',
      verdict: 'used',
      certain: true,
      truthKnown: true,
      pairs: 120,
      swap: { follows: { value: 1 }, stays: { value: 0 }, somethingElse: { value: 0 } },
    });
    const [partners] = subject.asked as [Int32Array];
    for (const [row, partner] of partners.entries())
      expect(examples[partner]!.caption).not.toBe(examples[row]!.caption);
    // Partners are spread over the examples.
    expect(new Set(partners).size).toBeGreaterThan(60);
  });

  it('says not used where they stay, and partly where some follow or all change to something else', async () => {
    const examples = world(200);
    const audit = async (answer: Parameters<typeof subjectThat>[0]) =>
      (await auditStages({ subject: subjectThat(answer), examples, own: ownOf(examples), counterfactual: truth }))[0]!;
    expect(await audit(({ example }) => answerOf(example))).toMatchObject({
      verdict: 'not used',
      certain: true,
      swap: { stays: { value: 1 } },
    });
    const third = await audit((swap) => (swap.row % 3 === 0 ? truth(swap) : answerOf(swap.example)));
    expect(third).toMatchObject({ verdict: 'partly used', certain: true });
    expect(third.swap!.follows!.value).toBeCloseTo(1 / 3, 1);
    const broken = await audit(() => 'nothing');
    expect(broken).toMatchObject({ verdict: 'partly used', certain: true, swap: { somethingElse: { value: 1 } } });
    expect(broken.evidence.at(-1)).toBe('The answers change, but do not follow the other’s stage.');
    // A response without an answer is something else too.
    expect(await audit(() => null)).toMatchObject({ swap: { somethingElse: { value: 1 }, changes: { value: 1 } } });
  });

  it('cannot tell where nothing was measured, or where intervals cannot decide', async () => {
    const examples = world(40);
    const wrong = examples.map((example) => ({ answer: answerOf(example), correct: false }));
    const [none] = await auditStages({ subject: subjectThat(truth), examples, own: wrong, counterfactual: truth });
    expect(none).toMatchObject({ verdict: 'cannot tell', certain: false, pairs: 0, swap: null });
    expect(none!.evidence[0]).toMatch(/No two examples could swap their thoughts of caption/);
    const few = world(6);
    const [unsure] = await auditStages({
      subject: subjectThat(({ example }) => answerOf(example)),
      examples: few,
      own: ownOf(few),
      counterfactual: truth,
    });
    expect(unsure).toMatchObject({ verdict: 'cannot tell', certain: false });
    expect(unsure!.evidence.at(-1)).toBe('There are too few pairs to tell.');
    // Nobody has thoughts of the same shape.
    const [alone] = await auditStages({
      subject: subjectThat(truth, (row) => (row === 3 ? null : `${row}`)),
      examples,
      own: ownOf(examples),
      counterfactual: truth,
    });
    expect(alone).toMatchObject({ verdict: 'cannot tell', pairs: 0 });
  });

  it('says only whether answers change where the data does not tell what follows', async () => {
    const examples = world(150);
    const audit = async (answer: Parameters<typeof subjectThat>[0]) =>
      (
        await auditStages({
          subject: subjectThat(answer),
          examples,
          own: ownOf(examples),
          counterfactual: () => null,
          compatible: (left, right) => left.move === right.move,
        })
      )[0]!;
    const changing = await audit(truth);
    expect(changing).toMatchObject({
      verdict: 'used',
      truthKnown: false,
      swap: { follows: null, changes: { value: 1 } },
    });
    expect(changing.evidence[0]).toMatch(/the expected answer is not known/);
    expect(await audit(({ example }) => answerOf(example))).toMatchObject({ verdict: 'not used' });
  });

  it('wants an answer an example', async () => {
    const examples = world(4);
    await expect(
      auditStages({ subject: subjectThat(truth), examples, own: ownOf(examples).slice(1) }),
    ).rejects.toMatchObject({ code: 'length-mismatch' });
  });
});

describe('judgeStage', () => {
  it('is not sure of a stage whose interval reaches over a border', () => {
    const share = (value: number, low: number, high: number) => ({ value, interval: [low, high] as [number, number] });
    const verdict = judgeStage({
      stage: 'caption',
      pairs: 20,
      truthKnown: true,
      swap: {
        stays: share(0.4, 0.2, 0.6),
        changes: share(0.6, 0.4, 0.8),
        follows: share(0.55, 0.35, 0.75),
        somethingElse: share(0.05, 0, 0.2),
      },
    });
    expect(verdict).toMatchObject({ verdict: 'partly used', certain: false });
    expect(verdict.evidence.at(-1)).toMatch(/threshold for used/);
  });
});

describe('a reasoner’s stages', () => {
  let calculating: Reasoner;
  beforeAll(async () => {
    await useEngine({ engine: 'wasm' });
    calculating = trainCalculatingReasoner();
  });
  afterAll(() => calculating.dispose());

  it('are used where each step sees the step before: the rest of the chain is run again from the other’s number', async () => {
    const examples = calculations({ count: 60, seed: 7 });
    const responses = new OwnResponses({ reasoner: calculating, task: toyTask });
    const own = (await responses.of(examples)).map(({ answer: { answer = null } }, row) => ({
      answer,
      correct: answer === examples[row]!.answer,
    }));
    expect(own.filter(({ correct }) => correct).length).toBeGreaterThan(55);
    const audits = await auditStages({
      subject: new ReasonerStages({ reasoner: calculating, task: toyTask, responses, batch: 16 }),
      examples,
      own,
      counterfactual: findCounterfactuals({ examples })!,
    });
    expect(audits.map(({ stage, verdict, certain, truthKnown }) => ({ stage, verdict, certain, truthKnown }))).toEqual(
      ['step_1', 'step_2'].map((stage) => ({ stage, verdict: 'used', certain: true, truthKnown: true })),
    );
    for (const { swap } of audits) expect(swap!.follows!.value).toBeGreaterThan(0.9);
    const gradients = await answerGradients({
      reasoner: calculating,
      responses: (await responses.of(examples.slice(0, 4))).map((response, row) => ({
        example: examples[row]!,
        response,
      })),
    });
    expect(gradients).toEqual([{ source: 'question', reachable: false, largest: 0, count: 4 }]);
    expect(gradientSentences(gradients)[0]).toMatch(/exactly zero in 4 examples/);
  });

  it('are told apart without a truth too, and an answer that may see the question depends on it', async () => {
    const examples = toyExamples({ count: 60, seed: 9 });
    const audit = async (reasoner: Reasoner) => {
      const responses = new OwnResponses({ reasoner, task: toyTask });
      const asked = await responses.of(examples);
      const own = asked.map(({ answer: { answer = null } }, row) => ({
        answer,
        correct: answer === examples[row]!.answer,
      }));
      const subject = new ReasonerStages({ reasoner, task: toyTask, responses });
      const [stage] = await auditStages({ subject, examples, own });
      const [gradient] = await answerGradients({
        reasoner,
        responses: asked.slice(0, 4).map((response, row) => ({ example: examples[row]!, response })),
      });
      reasoner.dispose();
      return { stage: stage!, gradient: gradient! };
    };
    const used = await audit(trainToyReasoner({ sight: 'thought' }));
    const unused = await audit(trainToyReasoner({ sight: 'question' }));
    expect(used.stage).toMatchObject({ verdict: 'used', truthKnown: false });
    expect(unused.stage).toMatchObject({ verdict: 'not used', certain: true, swap: { stays: { value: 1 } } });
    for (const { gradient } of [used, unused]) {
      expect(gradient).toMatchObject({ source: 'question', reachable: true });
      expect(gradient.largest).toBeGreaterThan(0);
    }
  });
});
