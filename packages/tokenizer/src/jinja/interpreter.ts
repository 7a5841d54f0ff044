import type { TemplateLimits } from './budget';
import { Evaluator } from './evaluator';
import { globals } from './globals';
import { Scope } from './scope';
import type { Expression, Parameters, Statement, Target } from './syntax-tree';
import { Callable, fault, fromJavaScript, LoopState, Namespace, truthy, Tuple, Undefined } from './values';
import { iterate } from './items';
import { text } from './value-texts';

/** Maximum depth of macro calls; Python's own limit is about the same. */
const deepestCalls = 120;

/** How a body ended. */
type Ending = 'break' | 'continue' | undefined;

/** Runs a parsed template once. */
export class Interpreter extends Evaluator {
  readonly #now: () => Date;

  #calls = 0;

  constructor({ limits, now = () => new Date() }: { limits?: TemplateLimits; now?: () => Date }) {
    super(limits);
    this.#now = now;
  }

  render(body: readonly Statement[], variables: Readonly<Record<string, unknown>>): string {
    const outermost = new Scope(undefined);
    for (const [name, value] of Object.entries(globals({ budget: this.budget, now: this.#now })))
      outermost.set(name, value);
    const context = new Scope(outermost);
    for (const [name, value] of Object.entries(variables))
      if (value !== undefined) context.set(name, fromJavaScript(value, name));
    return this.#text(body, new Scope(context));
  }

  /** Output of a body. */
  #text(body: readonly Statement[], scope: Scope): string {
    const output: string[] = [];
    this.#run(body, scope, output);
    return output.join('');
  }

  #write(output: string[], value: string): void {
    this.budget.text(value.length);
    output.push(value);
  }

  #run(body: readonly Statement[], scope: Scope, output: string[]): Ending {
    for (const statement of body) {
      this.budget.step();
      const ending = this.#statement(statement, scope, output);
      if (ending !== undefined) return ending;
    }
    return undefined;
  }

  #statement(statement: Statement, scope: Scope, output: string[]): Ending {
    switch (statement.type) {
      case 'text':
        this.#write(output, statement.text);
        return undefined;
      case 'output':
        this.#write(output, text(this.value(statement.value, scope), this.budget));
        return undefined;
      case 'if':
        for (const { test, body } of statement.branches)
          if (truthy(this.value(test, scope))) return this.#run(body, scope, output);
        return this.#run(statement.otherwise, scope, output);
      case 'for':
        this.#for(statement, scope, output, this.value(statement.iterable, scope), 0);
        return undefined;
      case 'set':
        this.#assign(statement.target, this.value(statement.value, scope), scope);
        return undefined;
      case 'set-block': {
        let value: unknown = this.#text(statement.body, new Scope(scope));
        if (statement.filter !== undefined) value = this.filtered(statement.filter, value, scope);
        this.#assign(statement.target, value, scope);
        return undefined;
      }
      case 'macro':
        scope.set(
          statement.name,
          this.#macro(statement.name, statement.parameters, statement.body, scope, statement.uses),
        );
        return undefined;
      case 'call-block': {
        const caller = this.#macro('caller', statement.parameters, statement.body, scope, {
          caller: false,
          varargs: false,
          kwargs: false,
        });
        this.#write(
          output,
          text(this.call(statement.call as Expression & { type: 'call' }, scope, caller), this.budget),
        );
        return undefined;
      }
      case 'filter-block':
        this.#write(
          output,
          text(this.filtered(statement.filter, this.#text(statement.body, new Scope(scope)), scope), this.budget),
        );
        return undefined;
      case 'with': {
        const inner = new Scope(scope);
        const values = statement.variables.map(({ value }) => this.value(value, scope));
        statement.variables.forEach(({ target }, index) => this.#assign(target, values[index], inner));
        this.#run(statement.body, inner, output);
        return undefined;
      }
      case 'scope':
        this.#run(statement.body, new Scope(scope), output);
        return undefined;
      case 'break':
      case 'continue':
        return statement.type;
    }
  }

  #for(statement: Statement & { type: 'for' }, scope: Scope, output: string[], iterable: unknown, depth: number): void {
    let items = iterate(iterable, this.budget);
    const { condition } = statement;
    if (condition !== undefined) {
      items = items.filter((one) => {
        const inner = new Scope(scope);
        this.#assign(statement.target, one, inner);
        return truthy(this.value(condition, inner));
      });
    }
    const recurse = (inner: unknown): string => {
      const inside: string[] = [];
      this.#deeper(() => this.#for(statement, scope, inside, inner, depth + 1));
      return inside.join('');
    };
    const loop = new LoopState(items, depth, statement.recursive ? recurse : undefined);
    let completed = false;
    for (let index = 0; index < items.length; index += 1) {
      this.budget.step();
      loop.index0 = index;
      const inner = new Scope(scope);
      inner.set('loop', loop);
      this.#assign(statement.target, items[index], inner);
      const ending = this.#run(statement.body, inner, output);
      if (ending === undefined) completed = true;
      if (ending === 'break') break;
    }
    // As in Jinja, "else" also runs if no iteration completed.
    if (!completed) this.#run(statement.otherwise, new Scope(scope), output);
  }

  #deeper<Result>(action: () => Result): Result {
    this.#calls += 1;
    if (this.#calls > deepestCalls) throw fault(`macros call each other deeper than ${deepestCalls} levels`);
    const result = action();
    this.#calls -= 1;
    return result;
  }

  #assign(target: Target, value: unknown, scope: Scope): void {
    switch (target.type) {
      case 'name':
        scope.set(target.name, value);
        return;
      case 'member': {
        const namespace = scope.get(target.name);
        if (!(namespace instanceof Namespace)) throw fault('cannot assign attribute on non-namespace object');
        namespace.values.set(target.attribute, value);
        return;
      }
      case 'targets': {
        const items = iterate(value, this.budget);
        if (items.length !== target.items.length)
          throw fault(`${items.length} values for ${target.items.length} names`);
        target.items.forEach((one, index) => this.#assign(one, items[index], scope));
      }
    }
  }

  #macro(
    name: string,
    { names, defaults }: Parameters,
    body: readonly Statement[],
    scope: Scope,
    uses: { caller: boolean; varargs: boolean; kwargs: boolean },
  ): Callable {
    return new Callable(name, ({ positional, named }) => {
      const inner = new Scope(scope);
      const rest = new Map(named);
      if (uses.caller) {
        inner.set('caller', rest.get('caller') ?? new Undefined('No caller defined'));
        rest.delete('caller');
      }
      names.forEach((parameter, index) => {
        if (index < positional.length) {
          if (rest.has(parameter)) throw fault(`macro '${name}' got ${parameter} twice`);
          inner.set(parameter, positional[index]);
        } else if (rest.has(parameter)) {
          inner.set(parameter, rest.get(parameter));
          rest.delete(parameter);
        } else {
          const otherwise = defaults[index - (names.length - defaults.length)];
          inner.set(
            parameter,
            otherwise === undefined
              ? new Undefined(`parameter '${parameter}' was not provided`)
              : this.value(otherwise, inner),
          );
        }
      });
      if (uses.kwargs) inner.set('kwargs', rest);
      else if (rest.size > 0) throw fault(`macro '${name}' takes no keyword argument '${[...rest.keys()][0]}'`);
      if (uses.varargs) inner.set('varargs', new Tuple(positional.slice(names.length)));
      else if (positional.length > names.length)
        throw fault(`macro '${name}' takes not more than ${names.length} argument(s)`);
      return this.#deeper(() => this.#text(body, inner));
    });
  }
}
