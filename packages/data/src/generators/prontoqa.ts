import { DataError } from '../errors';
import { RandomStream } from '@subtext/core';
import type { ReasoningExample } from '../reasoning-example';
import { checkStream } from './check-stream';
import { madeUpNouns, peopleNames } from './made-up-names';
import { textGenerator } from './text-generator';

export interface GenerateProntoQAOptions {
  /** @default Infinity: ask for as many as are needed */
  count?: number;
  /** @default 42 */
  seed?: number;
  /** Rules applied, the last of which gives a property. 1 to 10. @default 5 */
  hops?: number;
}

/** Properties that exclude each other stand in one family (ProntoQA's lists). */
const families: readonly (readonly string[])[] = [
  ['blue', 'red', 'brown', 'orange'],
  ['small', 'large'],
  ['metallic', 'wooden', 'luminous', 'liquid'],
  ['transparent', 'opaque'],
  ['nervous', 'happy', 'feisty', 'shy'],
  ['bright', 'dull'],
  ['sweet', 'sour', 'spicy', 'bitter'],
  ['floral', 'fruity', 'earthy'],
  ['hot', 'cold', 'temperate'],
  ['kind', 'mean', 'angry', 'amenable', 'aggressive'],
  ['melodic', 'muffled', 'discordant', 'loud'],
  ['slow', 'moderate', 'fast'],
  ['windy', 'sunny', 'overcast', 'rainy', 'snowy'],
];

const article = (noun: string): string => (/^[aeiou]/.test(noun) ? 'an' : 'a');
const be = (property: { word: string; negated: boolean }): string =>
  `${property.negated ? 'not ' : ''}${property.word}`;

/** A rule in one of ProntoQA's three wordings. `isA` names a kind, `is` a property. */
function tellRule(options: {
  of: string;
  isA?: string;
  is?: { word: string; negated: boolean };
  random: RandomStream;
}): string {
  const { of, isA, is, random } = options;
  const wording = random.integer(3);
  if (wording === 2) return `${of[0]!.toUpperCase()}${of.slice(1)}es are ${isA === undefined ? be(is!) : `${isA}es`}.`;
  return `${wording === 0 ? 'Each' : 'Every'} ${of} is ${isA === undefined ? be(is!) : `${article(isA)} ${isA}`}.`;
}

/**
 * Makes questions as ProntoQA's (arXiv 2210.01240) over made-up kinds: kinds include kinds in one line, each has a
 * property, a name is of one kind, and "True or false: NAME is (not) PROPERTY." takes `hops` rules. A further rule gives
 * the opposite property to an unrelated kind, so that the property alone decides nothing; true and false are equally
 * frequent, and so are properties with and without "not".
 */
export function* generateProntoQA(options: GenerateProntoQAOptions = {}): Generator<ReasoningExample> {
  const { count = Infinity, seed = 42, hops = 5 } = options;
  checkStream({ count, seed });
  if (!Number.isInteger(hops) || hops < 1 || hops > 10)
    throw new DataError({ code: 'invalid-option', message: `hops: ${hops} is not a whole number from 1 to 10.` });
  const random = new RandomStream({ seed, name: `prontoqa/${hops}` });
  for (let made = 1; made <= count; made += 1) {
    const name = random.pick(peopleNames);
    const nouns = random.shuffle(madeUpNouns);
    const properties = random
      .shuffle(families)
      .map((family) => ({ word: random.pick(family), negated: random.integer(2) === 1 }));
    const before = random.integer(3); // kinds below the name's own
    const after = 1 + random.integer(2); // kinds above the one that decides
    const line = nouns.slice(0, before + hops + after);
    const decider = before + hops - 1;
    const asked = properties[0]!;

    const kinds = line.slice(0, -1).map((noun, index) => tellRule({ of: noun, isA: line[index + 1]!, random }));
    // The other kinds' properties are of other families; a family is used once.
    let nextFamily = 1;
    const traits = line.map((noun, index) => {
      if (index === decider) return tellRule({ of: noun, is: asked, random });
      if (nextFamily >= properties.length || random.integer(3) === 0) return undefined;
      const rule = tellRule({ of: noun, is: properties[nextFamily]!, random });
      nextFamily += 1;
      return rule;
    });
    const distractor = tellRule({ of: nouns[line.length]!, is: { word: asked.word, negated: !asked.negated }, random });
    const own = line[before]!;
    const fact = `${name} is ${article(own)} ${own}.`;
    const rules = random.shuffle([...kinds, ...traits.filter((rule) => rule !== undefined), distractor]);

    const steps = [fact];
    for (let kind = before; kind < decider; kind += 1) {
      const next = line[kind + 1]!;
      steps.push(kinds[kind]!, `${name} is ${article(next)} ${next}.`);
    }
    steps.push(traits[decider]!, `${name} is ${be(asked)}.`);

    const truth = made % 2 === 1; // in turn: exactly half are true
    const query = `${name} is ${be(truth ? asked : { word: asked.word, negated: !asked.negated })}.`;
    yield {
      id: String(made),
      question: `${rules.join(' ')} ${fact} True or false: ${query}`,
      steps: steps.map((text) => ({ text })),
      answer: truth ? 'True' : 'False',
      category: `${hops} hops`,
    };
  }
}

/** An example as a question of the official files. */
function toProntoQARecord(example: ReasoningExample): Record<string, unknown> {
  const at = example.question.indexOf('True or false:');
  return {
    question: example.question.slice(0, at).trim(),
    query: example.question.slice(at),
    chain_of_thought: example.steps.map((step) => step.text),
    answer: example.answer,
  };
}

/** This generator as an entry of the registry. */
export const prontoqaGenerator = textGenerator({
  name: 'prontoqa',
  description: 'true or false: whether a property follows from a chain of rules about made-up kinds',
  format: 'prontoqa',
  defaultCounts: { train: 9000, validation: 200, test: 800 },
  options: { hops: { description: 'rules to apply', default: 5 } },
  writer: {
    extension: 'json',
    open: '{\n',
    between: ',\n',
    close: '\n}\n',
    record: (example, index) => `"example${index + 1}":{"test_example":${JSON.stringify(toProntoQARecord(example))}}`,
  },
  generate: (seed, { hops }) => generateProntoQA({ seed, hops: hops as number }),
});
