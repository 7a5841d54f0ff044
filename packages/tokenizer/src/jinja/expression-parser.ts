import type { Expression, Inputs } from './syntax-tree';
import { deepest, TokenReader } from './token-reader';
import { Float } from './values';

/** Parses Jinja expressions by recursive descent, from the lowest to the highest precedence. */
export class ExpressionParser extends TokenReader {
  /** For each enclosing macro: which of `varargs`, `kwargs` and `caller` it uses. */
  protected uses: Set<string>[] = [];

  protected tuple(options: { conditional?: boolean; endsAt?: string; parenthesized?: boolean } = {}): Expression {
    const items: Expression[] = [];
    let isTuple = false;
    for (;;) {
      if (items.length > 0) this.expect(',');
      const { kind } = this.token;
      if (
        kind === 'variable-end' ||
        kind === 'block-end' ||
        this.isOperator(')') ||
        (options.endsAt !== undefined && this.isName(options.endsAt))
      )
        break;
      items.push(this.expression(options.conditional ?? true));
      if (!this.isOperator(',')) break;
      isTuple = true;
    }
    if (!isTuple) {
      if (items.length > 0) return items[0]!;
      if (options.parenthesized !== true) throw this.fault('expected an expression');
    }
    return { type: 'tuple', items };
  }

  protected expression(conditional = true): Expression {
    this.deeper();
    let expression = this.or();
    while (conditional && this.isName('if')) {
      this.place += 1;
      const test = this.or();
      let otherwise: Expression | undefined;
      if (this.isName('else')) {
        this.place += 1;
        otherwise = this.expression();
      }
      expression = { type: 'conditional', test, then: expression, otherwise };
    }
    this.depth -= 1;
    return expression;
  }

  protected or(): Expression {
    let left = this.and();
    while (this.isName('or')) {
      this.place += 1;
      left = { type: 'or', left, right: this.and() };
    }
    return left;
  }

  protected and(): Expression {
    let left = this.not();
    while (this.isName('and')) {
      this.place += 1;
      left = { type: 'and', left, right: this.not() };
    }
    return left;
  }

  protected not(): Expression {
    if (!this.isName('not')) return this.compare();
    this.place += 1;
    this.deeper();
    const operand = this.not();
    this.depth -= 1;
    return { type: 'not', operand };
  }

  protected compare(): Expression {
    const left = this.sum();
    const rest: { operator: string; right: Expression }[] = [];
    for (;;) {
      const token = this.token;
      if (token.kind === 'operator' && ['==', '!=', '<', '>', '<=', '>='].includes(token.value)) {
        this.place += 1;
        rest.push({ operator: token.value, right: this.sum() });
      } else if (this.isName('in')) {
        this.place += 1;
        rest.push({ operator: 'in', right: this.sum() });
      } else if (this.isName('not') && this.isName('in', 1)) {
        this.place += 2;
        rest.push({ operator: 'not in', right: this.sum() });
      } else break;
    }
    return rest.length === 0 ? left : { type: 'compare', left, rest };
  }

  protected sum(): Expression {
    let left = this.concatenation();
    while (this.isOperator('+') || this.isOperator('-'))
      left = { type: 'binary', operator: this.next().value, left, right: this.concatenation() };
    return left;
  }

  protected concatenation(): Expression {
    const items = [this.product()];
    while (this.isOperator('~')) {
      this.place += 1;
      items.push(this.product());
    }
    return items.length === 1 ? items[0]! : { type: 'concatenate', items };
  }

  protected product(): Expression {
    let left = this.power();
    while (this.token.kind === 'operator' && ['*', '/', '//', '%'].includes(this.token.value)) {
      left = { type: 'binary', operator: this.next().value, left, right: this.power() };
    }
    return left;
  }

  protected power(): Expression {
    let left = this.unary(true);
    while (this.isOperator('**')) {
      this.place += 1;
      left = { type: 'binary', operator: '**', left, right: this.unary(true) };
    }
    return left;
  }

  protected unary(withFilters: boolean): Expression {
    this.deeper();
    let node: Expression;
    if (this.isOperator('-') || this.isOperator('+')) {
      const type = this.next().value === '-' ? 'negative' : 'positive';
      node = { type, operand: this.unary(false) };
    } else node = this.primary();
    node = this.postfix(node);
    if (withFilters) node = this.filters(node, false);
    this.depth -= 1;
    return node;
  }

  protected primary(): Expression {
    const token = this.next();
    switch (token.kind) {
      case 'name':
        switch (token.value) {
          case 'true':
          case 'True':
            return { type: 'constant', value: true };
          case 'false':
          case 'False':
            return { type: 'constant', value: false };
          case 'none':
          case 'None':
            return { type: 'constant', value: null };
          default:
            if (token.value === 'caller' || token.value === 'varargs' || token.value === 'kwargs')
              this.uses.at(-1)?.add(token.value);
            return { type: 'name', name: token.value };
        }
      case 'string': {
        let value = token.value;
        while (this.token.kind === 'string') value += this.next().value;
        return { type: 'constant', value };
      }
      case 'integer': {
        const value = Number(token.value);
        if (!Number.isSafeInteger(value)) throw this.fault(`the number ${token.value} is too large`);
        return { type: 'constant', value };
      }
      case 'float':
        return { type: 'constant', value: new Float(Number(token.value)) };
      case 'operator':
        if (token.value === '(') {
          const inner = this.tuple({ parenthesized: true });
          this.expect(')');
          return inner;
        }
        if (token.value === '[') {
          const items: Expression[] = [];
          while (!this.isOperator(']')) {
            if (items.length > 0) this.expect(',');
            if (this.isOperator(']')) break;
            items.push(this.expression());
          }
          this.place += 1;
          return { type: 'list', items };
        }
        if (token.value === '{') {
          const items: [Expression, Expression][] = [];
          while (!this.isOperator('}')) {
            if (items.length > 0) this.expect(',');
            if (this.isOperator('}')) break;
            const key = this.expression();
            this.expect(':');
            items.push([key, this.expression()]);
          }
          this.place += 1;
          return { type: 'dict', items };
        }
    }
    this.place -= 1;
    throw this.fault('expected an expression');
  }

  protected postfix(start: Expression): Expression {
    let node = start;
    for (let count = 0; ; count += 1) {
      if (count > 2 * deepest) throw this.fault('an expression is too long');
      if (this.isOperator('.')) {
        this.place += 1;
        const token = this.next();
        if (token.kind === 'name') node = { type: 'attribute', target: node, name: token.value };
        else if (token.kind === 'integer')
          node = { type: 'item', target: node, key: { type: 'constant', value: Number(token.value) } };
        else throw this.fault('expected a name');
      } else if (this.isOperator('[')) {
        this.place += 1;
        const keys: Expression[] = [];
        while (!this.isOperator(']')) {
          if (keys.length > 0) this.expect(',');
          keys.push(this.subscript());
        }
        this.place += 1;
        if (keys.length === 0) throw this.fault('expected an index');
        node = { type: 'item', target: node, key: keys.length === 1 ? keys[0]! : { type: 'tuple', items: keys } };
      } else if (this.isOperator('(')) node = { type: 'call', target: node, inputs: this.inputs() };
      else return node;
    }
  }

  protected subscript(): Expression {
    const part = (): Expression | undefined =>
      this.isOperator(':') || this.isOperator(']') || this.isOperator(',') ? undefined : this.expression();
    const start = part();
    if (!this.isOperator(':')) return start!;
    this.place += 1;
    const stop = part();
    let step: Expression | undefined;
    if (this.isOperator(':')) {
      this.place += 1;
      step = part();
    }
    return { type: 'slice', start, stop, step };
  }

  /** Filters, tests and calls after a value. `inline`: the first filter has no `|` (`{% filter upper %}`). */
  protected filters(start: Expression | undefined, inline: boolean): Expression {
    let node = start;
    let first = inline;
    for (let count = 0; ; count += 1) {
      if (count > 2 * deepest) throw this.fault('an expression is too long');
      if (first || this.isOperator('|')) {
        if (!first) this.place += 1;
        first = false;
        let name = this.name();
        while (this.isOperator('.')) {
          this.place += 1;
          name += `.${this.name()}`;
        }
        node = { type: 'filter', name, target: node, inputs: this.isOperator('(') ? this.inputs() : none };
      } else if (node !== undefined && this.isName('is')) {
        this.place += 1;
        node = this.test(node);
      } else if (node !== undefined && this.isOperator('('))
        node = { type: 'call', target: node, inputs: this.inputs() };
      else return node!;
    }
  }

  protected test(target: Expression): Expression {
    const negated = this.isName('not');
    if (negated) this.place += 1;
    let name = this.name();
    while (this.isOperator('.')) {
      this.place += 1;
      name += `.${this.name()}`;
    }
    let inputs: Inputs = none;
    const { kind, value } = this.token;
    if (this.isOperator('(')) inputs = this.inputs();
    else if (
      kind === 'string' ||
      kind === 'integer' ||
      kind === 'float' ||
      this.isOperator('[') ||
      this.isOperator('{') ||
      (kind === 'name' && !['else', 'or', 'and', 'if', 'recursive'].includes(value))
    ) {
      if (this.isName('is')) throw this.fault('tests can\'t be chained with "is"');
      // In `x is not y` the test is y; `x is y in z` ends before "in".
      if (!(kind === 'name' && (value === 'in' || value === 'not')))
        inputs = { positional: [{ value: this.postfix(this.primary()), spread: false }], named: [] };
    }
    const test: Expression = { type: 'test', name, target, inputs };
    return negated ? { type: 'not', operand: test } : test;
  }

  /** Call arguments, starting at the parenthesis. */
  protected inputs(): Inputs {
    this.expect('(');
    const inputs: Inputs = { positional: [], named: [] };
    let some = false;
    while (!this.isOperator(')')) {
      if (some) {
        this.expect(',');
        if (this.isOperator(')')) break;
      }
      some = true;
      if (this.isOperator('**')) {
        this.place += 1;
        inputs.named.push({ name: undefined, value: this.expression() });
      } else if (this.isOperator('*')) {
        this.place += 1;
        inputs.positional.push({ value: this.expression(), spread: true });
      } else if (this.token.kind === 'name' && this.isOperator('=', 1)) {
        const name = this.name();
        this.place += 1;
        inputs.named.push({ name, value: this.expression() });
      } else {
        if (inputs.named.length > 0) throw this.fault('a positional argument follows a keyword argument');
        inputs.positional.push({ value: this.expression(), spread: false });
      }
    }
    this.place += 1;
    return inputs;
  }
}

const none: Inputs = { positional: [], named: [] };
