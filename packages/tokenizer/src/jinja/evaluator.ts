import { attribute, item } from './access';
import { Budget, type TemplateLimits } from './budget';
import type { FilterContext } from './filter';
import { filters } from './filters';
import { binary, slice } from './operators';
import type { Scope } from './scope';
import type { Expression, Inputs } from './syntax-tree';
import { tests } from './tests';
import {
  Callable,
  type CallInputs,
  dictKey,
  fault,
  Float,
  LoopState,
  numeric,
  truthy,
  Tuple,
  typeName,
  Undefined,
  undefinedFault,
} from './values';
import { iterate } from './items';
import { compare, contains, equal } from './comparisons';
import { text } from './value-texts';

/** Evaluates expressions. */
export class Evaluator implements FilterContext {
  readonly budget: Budget;

  constructor(limits: TemplateLimits | undefined) {
    this.budget = new Budget(limits);
  }

  filter(name: string, value: unknown, inputs: CallInputs): unknown {
    this.budget.step();
    if (!Object.hasOwn(filters, name)) throw fault(`the filter "${name}" is not supported`);
    return filters[name]!(value, inputs, this);
  }

  test(name: string, value: unknown, inputs: readonly unknown[]): boolean {
    this.budget.step();
    if (name === 'filter') return typeof value === 'string' && Object.hasOwn(filters, value);
    if (name === 'test') return typeof value === 'string' && Object.hasOwn(tests, value);
    if (!Object.hasOwn(tests, name)) throw fault(`the test "${name}" is not supported`);
    return tests[name]!(value, inputs, this.budget);
  }

  protected value(expression: Expression, scope: Scope): unknown {
    this.budget.step();
    switch (expression.type) {
      case 'constant':
        return expression.value;
      case 'name': {
        const value = scope.get(expression.name);
        return value === undefined ? new Undefined(`'${expression.name}' is undefined`) : value;
      }
      case 'list':
        return expression.items.map((one) => this.value(one, scope));
      case 'tuple':
        return new Tuple(expression.items.map((one) => this.value(one, scope)));
      case 'dict':
        return new Map(
          expression.items.map(([key, value]) => [dictKey(this.value(key, scope)), this.value(value, scope)]),
        );
      case 'conditional':
        if (truthy(this.value(expression.test, scope))) return this.value(expression.then, scope);
        if (expression.otherwise === undefined)
          return new Undefined('the inline if-expression evaluated to false and no else section was defined.');
        return this.value(expression.otherwise, scope);
      case 'or': {
        const left = this.value(expression.left, scope);
        return truthy(left) ? left : this.value(expression.right, scope);
      }
      case 'and': {
        const left = this.value(expression.left, scope);
        return truthy(left) ? this.value(expression.right, scope) : left;
      }
      case 'not':
        return !truthy(this.value(expression.operand, scope));
      case 'negative':
      case 'positive': {
        const value = this.value(expression.operand, scope);
        if (value instanceof Undefined) throw undefinedFault(value);
        const number = numeric(value);
        if (number === undefined) throw fault(`bad operand type for unary operator: '${typeName(value)}'`);
        const result = expression.type === 'negative' ? -number : number;
        return value instanceof Float ? new Float(result) : result === 0 ? 0 : result;
      }
      case 'binary':
        return binary(
          expression.operator,
          this.value(expression.left, scope),
          this.value(expression.right, scope),
          this.budget,
        );
      case 'compare': {
        let left = this.value(expression.left, scope);
        for (const { operator, right: rightExpression } of expression.rest) {
          const right = this.value(rightExpression, scope);
          if (!this.compares(operator, left, right)) return false;
          left = right;
        }
        return true;
      }
      case 'concatenate': {
        const parts = expression.items.map((one) => text(this.value(one, scope), this.budget));
        this.budget.text(parts.reduce((sum, part) => sum + part.length, 0));
        return parts.join('');
      }
      case 'attribute':
        return attribute(this.value(expression.target, scope), expression.name, this.budget);
      case 'item': {
        const target = this.value(expression.target, scope);
        if (expression.key.type !== 'slice') return item(target, this.value(expression.key, scope), this.budget);
        const { start, stop, step } = expression.key;
        const part = (one: Expression | undefined): unknown => (one === undefined ? null : this.value(one, scope));
        const bounds = { start: part(start), stop: part(stop), step: part(step) };
        if (target instanceof Undefined) throw undefinedFault(target);
        const found = slice(target, bounds, this.budget);
        if (found === undefined) throw fault(`'${typeName(target)}' object is not subscriptable`);
        return found;
      }
      case 'slice':
        throw fault('a slice stands alone');
      case 'call':
        return this.call(expression, scope);
      case 'filter':
        return this.filter(
          expression.name,
          this.value(expression.target!, scope),
          this.inputs(expression.inputs, scope),
        );
      case 'test':
        return this.test(
          expression.name,
          this.value(expression.target, scope),
          this.inputs(expression.inputs, scope).positional,
        );
    }
  }

  protected inputs(inputs: Inputs, scope: Scope): CallInputs {
    const positional: unknown[] = [];
    for (const { value, spread } of inputs.positional) {
      if (spread) for (const one of iterate(this.value(value, scope), this.budget)) positional.push(one);
      else positional.push(this.value(value, scope));
    }
    const named = new Map<string, unknown>();
    const add = (name: string, value: unknown): void => {
      if (named.has(name)) throw fault(`${name} is given twice`);
      named.set(name, value);
    };
    for (const { name, value } of inputs.named) {
      const found = this.value(value, scope);
      if (name !== undefined) add(name, found);
      else if (found instanceof Map) for (const [key, one] of found) add(text(key, this.budget), one);
      else throw fault('argument after ** must be a mapping');
    }
    return { positional, named };
  }

  protected call(expression: Expression & { type: 'call' }, scope: Scope, caller?: Callable): unknown {
    const target = this.value(expression.target, scope);
    const inputs = this.inputs(expression.inputs, scope);
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

  protected filtered(expression: Expression, value: unknown, scope: Scope): unknown {
    if (expression.type !== 'filter') throw fault('a filter is expected');
    const inner = expression.target === undefined ? value : this.filtered(expression.target, value, scope);
    return this.filter(expression.name, inner, this.inputs(expression.inputs, scope));
  }

  protected compares(operator: string, left: unknown, right: unknown): boolean {
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
