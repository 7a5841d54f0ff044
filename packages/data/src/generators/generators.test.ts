import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareGraphs } from '../measures/compare-graphs';
import { hopsFrom } from '../measures/graph';
import type { GraphFacts, ReasoningExample } from '../reasoning-example';
import { generateArithmetic } from './arithmetic';
import { generateModularArithmetic } from './modular-arithmetic';
import { generateMultiplication, describeMultiplication } from './multiplication';
import { generateProntoQA } from './prontoqa';
import { generateProsQA } from './prosqa';

const seeds = fc.integer({ min: 0, max: 2 ** 31 });
const text = (example: ReasoningExample): string[] => example.steps.map((step) => step.text);
const first = (examples: Iterable<ReasoningExample>): ReasoningExample => [...examples][0]!;

/** The bytes of a generator's first examples: a change means that everybody's seeds give other sets. */
const digest = (examples: Iterable<ReasoningExample>): string =>
  createHash('sha256')
    .update(JSON.stringify([...examples]))
    .digest('hex')
    .slice(0, 16);

describe('generateProsQA', () => {
  /** The statements of a question, as pairs of names, read from its words. */
  function readQuestion(question: string): { pairs: Map<string, string[]>; name: string; candidates: string[] } {
    const sentences = question.split(/(?<=[.?]) /);
    const asked = /^Is (\w+) a (\w+) or (\w+)\?$/.exec(sentences.pop()!)!;
    const pairs = new Map<string, string[]>();
    for (const sentence of sentences) {
      const [, from, to] = /^(?:Every )?(\w+) is a (\w+)\.$/.exec(sentence)!;
      pairs.set(from!, [...(pairs.get(from!) ?? []), to!]);
    }
    return { pairs, name: asked[1]!, candidates: [asked[2]!, asked[3]!] };
  }

  function distances(pairs: Map<string, string[]>, from: string): Map<string, number> {
    const found = new Map([[from, 0]]);
    for (const name of found.keys())
      for (const next of pairs.get(name) ?? []) if (!found.has(next)) found.set(next, found.get(name)! + 1);
    return found;
  }

  test('the answer, the distractor and the chain follow from the question’s words alone', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const example = first(generateProsQA({ count: 1, seed }));
        const { pairs, name, candidates } = readQuestion(example.question);
        const reached = distances(pairs, name);
        const [target] = candidates.filter((candidate) => reached.has(candidate));
        expect(candidates.filter((candidate) => reached.has(candidate))).toHaveLength(1);
        expect(example.answer).toBe(`${name} is a ${target!}.`);
        expect(example.steps).toHaveLength(reached.get(target!)!);
        expect(example.steps.length).toBeGreaterThanOrEqual(3);
        expect(example.steps.length).toBeLessThanOrEqual(6);
        let at = name;
        for (const step of text(example)) {
          expect(example.question).toContain(step);
          const [, from, to] = /^(?:Every )?(\w+) is a (\w+)\.$/.exec(step)!;
          expect(from).toBe(at);
          at = to!;
        }
        expect(at).toBe(target);
      }),
      { numRuns: 150 },
    );
  });

  test('the graph as facts says the same as the words', () => {
    for (const example of generateProsQA({ count: 100, seed: 3 })) {
      const { edges, symbols, root, target, negativeTarget, neighborsByHop } = example.facts as GraphFacts;
      const { pairs, name } = readQuestion(example.question);
      expect(symbols[root]).toBe(name);
      expect(edges.map(([from, to]) => `${symbols[from]!} ${symbols[to]!}`).sort()).toEqual(
        [...pairs].flatMap(([from, all]) => all.map((to) => `${from} ${to}`)).sort(),
      );
      const reached = hopsFrom({ edges, root });
      expect(neighborsByHop.flat().every((node) => reached.has(node))).toBe(true);
      expect(reached.get(target)).toBe(neighborsByHop.length - 1);
      expect(reached.has(negativeTarget)).toBe(false);
      expect(new Set(symbols).size).toBe(symbols.length);
      expect(edges.every(([from, to]) => from < to)).toBe(true);
    }
  });

  test('has the official file’s sizes, hops and degrees', async () => {
    // Means over facebookresearch/coconut's prosqa_valid.json, 300 questions; the bounds are three of its standard errors.
    const official: Record<string, [number, number]> = {
      nodes: [22.82, 0.354],
      edges: [36.26, 0.977],
      hops: [3.753, 0.13],
      'questions of 3 hops': [0.413, 0.085],
      'questions of 4 hops': [0.443, 0.086],
      'nodes of in-degree 1': [0.437, 0.0156],
      'nodes of in-degree 2': [0.277, 0.014],
      'nodes of out-degree 0': [0.325, 0.0109],
      'nodes of out-degree 2': [0.176, 0.0137],
      'names of people': [2.513, 0.126],
    };
    const generated = await compareGraphs({
      left: generateProsQA({ count: 1500, seed: 11 }),
      right: generateProsQA({ count: 1500, seed: 12 }),
    });
    for (const [measure, [mean, bound]] of Object.entries(official)) {
      const row = generated.rows.find((candidate) => candidate.measure === measure)!;
      expect(Math.abs(row.left.mean - mean), measure).toBeLessThan(bound);
    }
    expect(generated.vocabulary).toEqual({ onlyLeft: [], onlyRight: [], both: 55 });
  });

  test('asks in either order and takes other hops', () => {
    const orders = [...generateProsQA({ count: 200, seed: 1 })].filter(
      (example) => /a (\w+) or/.exec(example.question)![1] === /is a (\w+)\./.exec(example.answer)![1],
    );
    expect(orders.length).toBeGreaterThan(70);
    expect(orders.length).toBeLessThan(130);
    expect(
      [...generateProsQA({ count: 50, seed: 1, hops: { minimum: 4, maximum: 4 } })].every(
        (example) => example.steps.length === 4,
      ),
    ).toBe(true);
    expect(() => first(generateProsQA({ count: 1, nodes: 31 }))).toThrow(/nodes/);
    expect(() => first(generateProsQA({ count: 1, hops: { minimum: 4, maximum: 3 } }))).toThrow(/hops/);
    expect(() => first(generateProsQA({ count: 1, nodes: 4, hops: { minimum: 6, maximum: 6 } }))).toThrow(/no graph/);
  });
});

describe('generateProntoQA', () => {
  /** Rules read from a question's words: what each kind is, singular, and each kind's properties. */
  function derive(example: ReasoningExample): { truth: boolean; conclusions: string[] } {
    const singular = (word: string): string => word.toLowerCase().replace(/uses$/, 'us');
    const [story, query] = example.question.split(' True or false: ') as [string, string];
    const isA = new Map<string, string>();
    const traits = new Map<string, { word: string; negated: boolean }>();
    let name = '';
    let kind = '';
    for (const sentence of story.split(/(?<=\.) /)) {
      const rule = /^(?:(?:Each|Every) (\w+) is|(\w+uses) are) (?:(not )?(\w+)|an? (\w+))\.$/.exec(sentence);
      if (!rule) {
        const fact = /^(\w+) is an? (\w+)\.$/.exec(sentence)!;
        [name, kind] = [fact[1]!, fact[2]!];
        continue;
      }
      const of = singular(rule[1] ?? rule[2]!);
      if (rule[5]) isA.set(of, rule[5]);
      else if (/pus(es)?$/.test(rule[4]!)) isA.set(of, singular(rule[4]!));
      else traits.set(of, { word: rule[4]!, negated: rule[3] !== undefined });
    }
    const conclusions: string[] = [];
    const [, subject, negated, word] = /^(\w+) is (not )?(\w+)\.$/.exec(query)!;
    expect(subject).toBe(name);
    let known: boolean | undefined;
    for (let at: string | undefined = kind; at !== undefined; at = isA.get(at)) {
      conclusions.push(`${name} is ${/^[aeiou]/.test(at) ? 'an' : 'a'} ${at}.`);
      const trait = traits.get(at);
      if (trait !== undefined && trait.word === word && known === undefined)
        known = trait.negated === (negated !== undefined);
    }
    expect(known).toBeDefined();
    return { truth: known!, conclusions };
  }

  test('the answer follows from the rules in words, and the chain applies one after another', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 8 }), (seed, hops) => {
        for (const example of generateProntoQA({ count: 2, seed, hops })) {
          const { truth, conclusions } = derive(example);
          expect(example.answer).toBe(truth ? 'True' : 'False');
          const chain = text(example);
          expect(chain).toHaveLength(2 * hops + 1);
          // Facts and conclusions at even places, the rules that lead to them at odd ones, each told in the question.
          chain
            .slice(0, -1)
            .forEach((step, index) =>
              index % 2 === 0 ? expect(conclusions[index / 2]).toBe(step) : expect(example.question).toContain(step),
            );
        }
      }),
      { numRuns: 100 },
    );
  });

  test('neither the answer nor the question’s "not" gives anything away', () => {
    const examples = [...generateProntoQA({ count: 1000, seed: 2 })];
    const negated = (example: ReasoningExample): boolean => / is not \w+\.$/.test(example.question);
    expect(examples.filter((example) => example.answer === 'True')).toHaveLength(500);
    for (const answer of ['True', 'False']) {
      const share = examples.filter((example) => example.answer === answer && negated(example)).length / 500;
      expect(Math.abs(share - 0.5)).toBeLessThan(0.1); // 4.5 standard errors
    }
    expect(() => first(generateProntoQA({ count: 1, hops: 0 }))).toThrow(/hops/);
  });
});

describe('generateMultiplication', () => {
  const value = (digits: string): bigint => BigInt([...digits.replaceAll(' ', '')].reverse().join(''));

  test('reproduces the published form, digit by digit', () => {
    // The first line of da03/Internalize_CoT_Step_by_Step's 4_by_4_mult/valid.txt, 2365 × 4347.
    expect(describeMultiplication({ factors: [2365n, 4347n], digits: [4, 4] })).toEqual({
      question: '5 6 3 2 * 7 4 3 4',
      steps: [
        { text: '5 5 5 6 1' },
        { text: '+ 0 0 6 4 9 0 ( 5 5 1 1 1 1 )' },
        { text: '+ 0 0 5 9 0 7 0 ( 5 5 6 0 2 8 0 )' },
        { text: '+ 0 0 0 0 6 4 9 0' },
      ],
      answer: '5 5 6 0 8 2 0 1',
    });
  });

  test('every product and sum is true for every number of digits', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), (seed, n, m) => {
        const example = first(generateMultiplication({ count: 1, seed, digits: [n, m] }));
        const [a, b] = example.question.split(' * ') as [string, string];
        expect([a.split(' ').length, b.split(' ').length]).toEqual([n, m]);
        expect(value(example.answer)).toBe(value(a) * value(b));
        expect(example.steps).toHaveLength(m);
        let sum = 0n;
        text(example).forEach((step, round) => {
          const [, product, between] = /^(?:\+ )?([\d ]+?)(?: \( ([\d ]+) \))?$/.exec(step)!;
          expect(value(product!)).toBe(value(a) * BigInt(b.split(' ')[round]!) * 10n ** BigInt(round));
          sum += value(product!);
          if (between) expect(value(between)).toBe(sum);
          expect(between !== undefined).toBe(round > 0 && round < m - 1);
        });
        expect(sum).toBe(value(example.answer));
      }),
    );
    expect(() => first(generateMultiplication({ count: 1, digits: [0, 4] }))).toThrow(/digits/);
  });
});

describe('generateArithmetic', () => {
  const told: [RegExp, string][] = [
    [/finds (\d+) more|A friend gives \w+ (\d+) |buys another (\d+) /, '+'],
    [/gives away (\d+) |loses (\d+) |sells (\d+) /, '-'],
    [/there are (\d+) times|has (\d+) times/, '*'],
    [/among (\d+) boxes|into (\d+) equal/, '/'],
  ];

  test('the equations follow from the sentences, each from the one before, in whole numbers', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 20, max: 5000 }), (seed, largest) => {
        const example = first(generateArithmetic({ count: 1, seed, largest, steps: { minimum: 1, maximum: 6 } }));
        const [start, ...sentences] = example.question.split(/(?<=\.) /);
        sentences.pop(); // the question itself
        let value = Number(/has (\d+) /.exec(start!)![1]);
        expect(sentences).toHaveLength(example.steps.length);
        sentences.forEach((sentence, index) => {
          const [operator, k] = told.flatMap(([pattern, sign]) => {
            const match = pattern.exec(sentence);
            return match ? [[sign, Number(match.slice(1).find((part) => part !== undefined))] as const] : [];
          })[0]!;
          const result =
            operator === '+' ? value + k : operator === '-' ? value - k : operator === '*' ? value * k : value / k;
          expect(example.steps[index]!.text).toBe(`<<${value}${operator}${k}=${result}>>`);
          expect(Number.isInteger(result) && result > 0 && result <= largest).toBe(true);
          value = result;
        });
        expect(example.answer).toBe(String(value));
      }),
      { numRuns: 300 },
    );
    expect(() => first(generateArithmetic({ count: 1, largest: 3 }))).toThrow(/largest/);
    expect(() => first(generateArithmetic({ count: 1, steps: { minimum: 0, maximum: 2 } }))).toThrow(/steps/);
  });
});

describe('generateModularArithmetic', () => {
  test('each equation follows from the operations of the question, from left to right', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 3, max: 30 }), fc.boolean(), (seed, modulus, filled) => {
        const example = first(
          generateModularArithmetic({ count: 1, seed, modulus, filled, steps: { minimum: 1, maximum: 6 } }),
        );
        const [start, ...words] = example.question.split(' ');
        expect(words.length).toBe(filled ? 6 : example.steps.length);
        let value = Number(start);
        words.forEach((word, index) => {
          if (index >= example.steps.length) return expect(word).toBe('.');
          const operand = Number(word.slice(1));
          expect(operand > (word[0] === '*' ? 1 : 0) && operand < modulus).toBe(true);
          const result =
            word[0] === '+' ? value + operand : word[0] === '-' ? value - operand + modulus : value * operand;
          expect(example.steps[index]!.text).toBe(`${value} ${word} =${result % modulus}`);
          value = result % modulus;
        });
        expect(example.answer).toBe(String(value));
        expect(example.category).toBe(`${example.steps.length} steps`);
      }),
    );
  });

  test('impossible options are refused', () => {
    expect(() => first(generateModularArithmetic({ count: 1, modulus: 2 }))).toThrow(/modulus: 2/);
    expect(() => first(generateModularArithmetic({ count: 1, steps: { minimum: 3, maximum: 2 } }))).toThrow(
      /steps: 3 to 2/,
    );
  });
});

test('the same seed gives the same examples, another seed others', () => {
  for (const generate of [
    generateProsQA,
    generateProntoQA,
    generateMultiplication,
    generateArithmetic,
    generateModularArithmetic,
  ]) {
    expect(digest(generate({ count: 20, seed: 7 }))).toBe(digest(generate({ count: 20, seed: 7 })));
    expect(digest(generate({ count: 20, seed: 7 }))).not.toBe(digest(generate({ count: 20, seed: 8 })));
    // More examples begin with the same ones.
    expect([...generate({ count: 5, seed: 7 })]).toEqual([...generate({ count: 9, seed: 7 })].slice(0, 5));
  }
  expect(
    [generateProsQA, generateProntoQA, generateMultiplication, generateArithmetic, generateModularArithmetic].map(
      (generate) => digest(generate({ count: 20, seed: 7 })),
    ),
  ).toMatchInlineSnapshot(`
    [
      "d8756138e0f21f12",
      "2c6c9466e723919b",
      "eef0003671973467",
      "1f2a8a75b41dda49",
      "80677d7601e73c1f",
    ]
  `);
});
