import type { ReasoningExample } from '@subtext/data';

import { trainConfiguration } from '../configuration/schema';

/** Whether something can be done with a set, and if not, why; or what to know about it. */
export interface DataUse {
  name: string;
  possible: boolean;
  reason?: string;
}

/** What each command can do with a set. */
export interface DataUseReport {
  /** `subtext train`, by method; `graph` stands for a configuration with `kind: graphs`. */
  train: DataUse[];
  /** `subtext-eval run`, by `--score`. */
  evaluate: DataUse[];
  /** `subtext-eval audit`. */
  audit: DataUse;
}

/** The methods of a configuration; training on graphs is a configuration of its own. */
const methods: readonly string[] = [
  ...trainConfiguration.shape.method.options.map(({ shape }) => shape.name.value),
  'graph',
];

/** More answers than this are no choice between them, as in `--score choice`. */
const mostChoices = 26;

/** Nodes that graph models have tokens for. */
const graphNodes = 31;

const isNumber = (answer: string): boolean => /^[-+]?[$€£]?\d[\d\s,]*(\.\d+)?\s*%?$/.test(answer.trim());

const wordCount = (text: string): number => text.trim().split(/\s+/).length;

/** Gathers, example by example, what a set has that commands ask for. */
export class DataUses {
  #examples = 0;
  #withSteps = 0;
  #otherLength = 0;
  #withPicture = 0;
  #numbers = 0;
  #choices = 0;
  #told = 0;
  #graphs = 0;
  #largeGraphs = 0;
  readonly #answers = new Set<string>();

  add({ question, steps, image, answer, facts }: ReasoningExample): void {
    this.#examples += 1;
    if (wordCount(question) !== wordCount(answer)) this.#otherLength += 1;
    if (steps.length > 0) this.#withSteps += 1;
    if (image) this.#withPicture += 1;
    if (isNumber(answer)) this.#numbers += 1;
    if (facts?.kind === 'choice') this.#choices += 1;
    if (facts?.kind === 'scene' || /\d|\p{Lu}/u.test(answer)) this.#told += 1;
    if (facts?.kind === 'graph') {
      if (facts.symbols.length > graphNodes) this.#largeGraphs += 1;
      else this.#graphs += 1;
    }
    if (this.#answers.size <= mostChoices) this.#answers.add(answer);
  }

  report(): DataUseReport {
    const all = this.#examples;
    const use = (name: string, missing: string | undefined, remark?: string): DataUse => {
      const reason = all === 0 ? 'no example can be read' : (missing ?? remark);
      return { name, possible: all > 0 && missing === undefined, ...(reason === undefined ? {} : { reason }) };
    };
    const without = all - this.#withSteps;
    const noSteps = this.#withSteps === 0 ? 'no example has steps' : undefined;
    const someSteps = without > 0 && this.#withSteps > 0 ? `${without} of ${all} examples have no steps` : undefined;
    const pictures =
      this.#withPicture > 0
        ? `${this.#withPicture} of ${all} examples have a picture: the model must see, or data.images be false`
        : undefined;
    const few = this.#answers.size <= mostChoices && this.#answers.size > 1;
    return {
      train: methods.map((name) => {
        if (name === 'no-cot' || name === 'pause') return use(name, undefined, pictures);
        if (name === 'recurrent')
          return use(
            name,
            this.#otherLength > 0
              ? `${this.#otherLength} of ${all} answers have not as many words as their questions`
              : undefined,
          );
        if (name !== 'graph')
          return use(
            name,
            noSteps,
            [someSteps, pictures].filter((remark) => remark !== undefined).join('; ') || undefined,
          );
        if (this.#graphs + this.#largeGraphs < all)
          return use(name, 'examples have no graph; read the file as prosqa if it has them');
        return use(
          name,
          this.#largeGraphs > 0 ? `${this.#largeGraphs} graphs have more than ${graphNodes} nodes` : undefined,
        );
      }),
      evaluate: [
        use('exact', undefined),
        use('numeric', this.#numbers === all ? undefined : `${all - this.#numbers} of ${all} answers are not numbers`),
        use(
          'choice',
          this.#choices === all || few
            ? undefined
            : `the records have no choices, and there are ${this.#answers.size > mostChoices ? `more than ${mostChoices}` : this.#answers.size} different answers`,
        ),
        use(
          'facts',
          this.#told === all ? undefined : `${all - this.#told} of ${all} answers state no object, number or name`,
        ),
      ],
      audit: use(
        'audit',
        this.#answers.size < 2 ? 'all answers are the same: nothing could follow from another thought' : undefined,
        'of a reasoner trained by a method with thoughts; choose --score as for eval',
      ),
    };
  }
}

/** The report in words. */
export function describeUses({ train, evaluate, audit }: DataUseReport): string[] {
  const list = (uses: readonly DataUse[]): string[] => {
    const possible = uses.filter((use) => use.possible);
    const groups = new Map<string, string[]>();
    for (const { name, reason = '' } of uses.filter((use) => !use.possible))
      groups.set(reason, [...(groups.get(reason) ?? []), name]);
    const remarks = new Set(possible.flatMap(({ reason }) => (reason === undefined ? [] : [reason])));
    return [
      possible.length > 0 ? possible.map(({ name }) => name).join(', ') : 'nothing',
      ...[...remarks].map((remark) => `  (${remark})`),
      ...[...groups].map(([reason, names]) => `  not ${names.join(', ')}: ${reason}`),
    ];
  };
  return [
    ...list(train).map((line, index) => (index === 0 ? `subtext train, method: ${line}` : line)),
    ...list(evaluate).map((line, index) => (index === 0 ? `subtext-eval run, --score: ${line}` : line)),
    audit.possible ? `subtext-eval audit: yes, ${audit.reason}` : `subtext-eval audit: no, ${audit.reason}`,
  ];
}
