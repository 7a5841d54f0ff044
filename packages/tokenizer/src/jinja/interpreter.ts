import { attribute, item, makeRange } from './access';
import { Budget, type TemplateLimits } from './budget';
import { type FilterContext, filters } from './filters';
import { Arguments } from './inputs';
import { binary, slice } from './operators';
import { strftime } from './strftime';
import type { Expression, Inputs, Parameters, Statement, Target } from './syntax-tree';
import { TemplateFault } from './template-error';
import { tests } from './tests';
import {
  Callable,
  type CallInputs,
  compare,
  contains,
  dictKey,
  equal,
  fault,
  Float,
  iterate,
  LoopState,
  Namespace,
  numeric,
  text,
  truthy,
  Tuple,
  typeName,
  Undefined,
  undefinedFault,
  fromJavaScript,
} from './values';

/** Macros in macros; Python's own limit is about the same. */
const deepestCalls = 120;

class Scope {
  readonly #values = new Map<string, unknown>();

  constructor(readonly parent: Scope | undefined) {}

  get(name: string): unknown {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the chain of scopes is walked
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.parent) {
      if (scope.#values.has(name)) return scope.#values.get(name);
    }
    return undefined;
  }

  set(name: string, value: unknown): void {
    this.#values.set(name, value);
  }
}

/** Where a body has ended. */
type Ending = 'break' | 'continue' | undefined;

/** Runs a parsed template once. */
export class Interpreter implements FilterContext {
  readonly budget: Budget;
  readonly #now: () => Date;
  #calls = 0;

  constructor(options: { limits?: TemplateLimits; now?: () => Date }) {
    this.budget = new Budget(options.limits);
    this.#now = options.now ?? (() => new Date());
  }

  render(body: readonly Statement[], variables: Readonly<Record<string, unknown>>): string {
    const globals = new Scope(undefined);
    for (const [name, value] of Object.entries(this.#globals())) globals.set(name, value);
    const context = new Scope(globals);
    for (const [name, value] of Object.entries(variables))
      if (value !== undefined) context.set(name, fromJavaScript(value, name));
    return this.#text(body, new Scope(context));
  }

  #globals(): Record<string, unknown> {
    const make = (name: string, call: (inputs: CallInputs) => unknown): Callable => new Callable(name, call);
    const dict = (inputs: CallInputs, name: string): Map<string, unknown> => {
      const result = new Map<string, unknown>();
      if (inputs.positional.length > 1) throw fault(`${name} takes at most one value without a name`);
      const [first] = inputs.positional;
      if (first instanceof Map) for (const [key, value] of first) result.set(key as string, value);
      else if (first !== undefined) {
        for (const pair of iterate(first, this.budget)) {
          const parts = iterate(pair, this.budget);
          if (parts.length !== 2) throw fault(`${name} takes pairs`);
          result.set(dictKey(parts[0]) as string, parts[1]);
        }
      }
      for (const [key, value] of inputs.named) result.set(key, value);
      this.budget.step(result.size);
      return result;
    };
    return {
      range: make('range', makeRange),
      dict: make('dict', (inputs) => dict(inputs, 'dict')),
      namespace: make('namespace', (inputs) => new Namespace(dict(inputs, 'namespace'))),
      cycler: make('cycler', ({ positional }) => {
        if (positional.length === 0) throw fault('at least one item has to be provided');
        let place = 0;
        const state = new Namespace(new Map<string, unknown>([['current', positional[0]]]));
        const to = (next: number): void => {
          place = next % positional.length;
          state.values.set('current', positional[place]);
        };
        state.values.set(
          'next',
          make('next', () => {
            const current = positional[place];
            to(place + 1);
            return current;
          }),
        );
        state.values.set(
          'reset',
          make('reset', () => {
            to(0);
            return null;
          }),
        );
        return state;
      }),
      joiner: make('joiner', (inputs) => {
        const separator = new Arguments('joiner', inputs, ['sep']).get('sep', ', ');
        let used = false;
        return make('joiner', () => {
          const result = used ? separator : '';
          used = true;
          return result;
        });
      }),
      raise_exception: make('raise_exception', (inputs) => {
        throw new TemplateFault(
          text(new Arguments('raise_exception', inputs, ['message']).get('message'), this.budget),
        );
      }),
      strftime_now: make('strftime_now', (inputs) =>
        strftime(this.#now(), new Arguments('strftime_now', inputs, ['format']).text('format')),
      ),
    };
  }

  /** What a body writes. */
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
        this.#write(output, text(this.#value(statement.value, scope), this.budget));
        return undefined;
      case 'if':
        for (const { test, body } of statement.branches)
          if (truthy(this.#value(test, scope))) return this.#run(body, scope, output);
        return this.#run(statement.otherwise, scope, output);
      case 'for':
        this.#for(statement, scope, output, this.#value(statement.iterable, scope), 0);
        return undefined;
      case 'set':
        this.#assign(statement.target, this.#value(statement.value, scope), scope);
        return undefined;
      case 'set-block': {
        let value: unknown = this.#text(statement.body, new Scope(scope));
        if (statement.filter !== undefined) value = this.#filtered(statement.filter, value, scope);
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
          text(this.#call(statement.call as Expression & { type: 'call' }, scope, caller), this.budget),
        );
        return undefined;
      }
      case 'filter-block':
        this.#write(
          output,
          text(this.#filtered(statement.filter, this.#text(statement.body, new Scope(scope)), scope), this.budget),
        );
        return undefined;
      case 'with': {
        const inner = new Scope(scope);
        const values = statement.variables.map(({ value }) => this.#value(value, scope));
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
        return truthy(this.#value(condition, inner));
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
    // As Jinja: what stands under "else" is also written where no round came to its end.
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
              : this.#value(otherwise, inner),
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

  #inputs(inputs: Inputs, scope: Scope): CallInputs {
    const positional: unknown[] = [];
    for (const { value, spread } of inputs.positional) {
      if (spread) for (const one of iterate(this.#value(value, scope), this.budget)) positional.push(one);
      else positional.push(this.#value(value, scope));
    }
    const named = new Map<string, unknown>();
    const add = (name: string, value: unknown): void => {
      if (named.has(name)) throw fault(`${name} is given twice`);
      named.set(name, value);
    };
    for (const { name, value } of inputs.named) {
      const found = this.#value(value, scope);
      if (name !== undefined) add(name, found);
      else if (found instanceof Map) for (const [key, one] of found) add(text(key, this.budget), one);
      else throw fault('argument after ** must be a mapping');
    }
    return { positional, named };
  }

  #call(expression: Expression & { type: 'call' }, scope: Scope, caller?: Callable): unknown {
    const target = this.#value(expression.target, scope);
    const inputs = this.#inputs(expression.inputs, scope);
    if (caller !== undefined) inputs.named.set('caller', caller);
    if (target instanceof Undefined) throw undefinedFault(target);
    if (target instanceof LoopState) {
      if (target.recurse === undefined)
        throw fault("The loop must have the 'recursive' marker to be called recursively.");
      return target.recurse(inputs.positional[0]);
    }
    if (!(target instanceof Callable)) throw fault(`'${typeName(target)}' object is not callable`);
    return target.call(inputs);
  }

  #filtered(expression: Expression, value: unknown, scope: Scope): unknown {
    if (expression.type !== 'filter') throw fault('a filter is expected');
    const inner = expression.target === undefined ? value : this.#filtered(expression.target, value, scope);
    return this.filter(expression.name, inner, this.#inputs(expression.inputs, scope));
  }

  filter(name: string, value: unknown, inputs: CallInputs): unknown {
    this.budget.step();
    if (!Object.hasOwn(filters, name)) throw fault(`the filter "${name}" is not known here`);
    return filters[name]!(value, inputs, this);
  }

  test(name: string, value: unknown, inputs: readonly unknown[]): boolean {
    this.budget.step();
    if (name === 'filter') return typeof value === 'string' && Object.hasOwn(filters, value);
    if (name === 'test') return typeof value === 'string' && Object.hasOwn(tests, value);
    if (!Object.hasOwn(tests, name)) throw fault(`the test "${name}" is not known here`);
    return tests[name]!(value, inputs, this.budget);
  }

  #value(expression: Expression, scope: Scope): unknown {
    this.budget.step();
    switch (expression.type) {
      case 'constant':
        return expression.value;
      case 'name': {
        const value = scope.get(expression.name);
        return value === undefined ? new Undefined(`'${expression.name}' is undefined`) : value;
      }
      case 'list':
        return expression.items.map((one) => this.#value(one, scope));
      case 'tuple':
        return new Tuple(expression.items.map((one) => this.#value(one, scope)));
      case 'dict':
        return new Map(
          expression.items.map(([key, value]) => [dictKey(this.#value(key, scope)), this.#value(value, scope)]),
        );
      case 'conditional':
        if (truthy(this.#value(expression.test, scope))) return this.#value(expression.then, scope);
        if (expression.otherwise === undefined)
          return new Undefined('the inline if-expression evaluated to false and no else section was defined.');
        return this.#value(expression.otherwise, scope);
      case 'or': {
        const left = this.#value(expression.left, scope);
        return truthy(left) ? left : this.#value(expression.right, scope);
      }
      case 'and': {
        const left = this.#value(expression.left, scope);
        return truthy(left) ? this.#value(expression.right, scope) : left;
      }
      case 'not':
        return !truthy(this.#value(expression.operand, scope));
      case 'negative':
      case 'positive': {
        const value = this.#value(expression.operand, scope);
        if (value instanceof Undefined) throw undefinedFault(value);
        const number = numeric(value);
        if (number === undefined) throw fault(`bad operand type for unary operator: '${typeName(value)}'`);
        const result = expression.type === 'negative' ? -number : number;
        return value instanceof Float ? new Float(result) : result === 0 ? 0 : result;
      }
      case 'binary':
        return binary(
          expression.operator,
          this.#value(expression.left, scope),
          this.#value(expression.right, scope),
          this.budget,
        );
      case 'compare': {
        let left = this.#value(expression.left, scope);
        for (const { operator, right: rightExpression } of expression.rest) {
          const right = this.#value(rightExpression, scope);
          if (!this.#compares(operator, left, right)) return false;
          left = right;
        }
        return true;
      }
      case 'concatenate': {
        const parts = expression.items.map((one) => text(this.#value(one, scope), this.budget));
        this.budget.text(parts.reduce((sum, part) => sum + part.length, 0));
        return parts.join('');
      }
      case 'attribute':
        return attribute(this.#value(expression.target, scope), expression.name, this.budget);
      case 'item': {
        const target = this.#value(expression.target, scope);
        if (expression.key.type !== 'slice') return item(target, this.#value(expression.key, scope), this.budget);
        const { start, stop, step } = expression.key;
        const part = (one: Expression | undefined): unknown => (one === undefined ? null : this.#value(one, scope));
        const bounds = { start: part(start), stop: part(stop), step: part(step) };
        if (target instanceof Undefined) throw undefinedFault(target);
        const found = slice(target, bounds, this.budget);
        if (found === undefined) throw fault(`'${typeName(target)}' object is not subscriptable`);
        return found;
      }
      case 'slice':
        throw fault('a slice stands alone');
      case 'call':
        return this.#call(expression, scope);
      case 'filter':
        return this.filter(
          expression.name,
          this.#value(expression.target!, scope),
          this.#inputs(expression.inputs, scope),
        );
      case 'test':
        return this.test(
          expression.name,
          this.#value(expression.target, scope),
          this.#inputs(expression.inputs, scope).positional,
        );
    }
  }

  #compares(operator: string, left: unknown, right: unknown): boolean {
    switch (operator) {
      case '==':
        return equal(left, right, this.budget);
      case '!=':
        return !equal(left, right, this.budget);
      case 'in':
        return contains(right, left, this.budget);
      case 'not in':
        return !contains(right, left, this.budget);
      default: {
        const sign = compare(left, right, this.budget, operator);
        return operator === '<' ? sign < 0 : operator === '>' ? sign > 0 : operator === '<=' ? sign <= 0 : sign >= 0;
      }
    }
  }
}
