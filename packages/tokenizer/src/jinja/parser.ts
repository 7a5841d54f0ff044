import { type Token, tokenize } from './lexer';
import type { Expression, Inputs, Parameters, Statement, Target } from './syntax-tree';
import { Float } from './values';
import { TemplateFault } from './template-error';

const deepest = 150;

/** Parses a template by Jinja's grammar. */
export function parseTemplate(source: string): Statement[] {
  return new Parser(tokenize(source)).parse();
}

class Parser {
  readonly #tokens: readonly Token[];
  #place = 0;
  #depth = 0;
  #loops = 0;
  /** What the macro being read uses of what calls may give beside its parameters. */
  #uses: Set<string>[] = [];

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): Statement[] {
    const body = this.#body([]);
    return body;
  }

  get #token(): Token {
    return this.#tokens[this.#place]!;
  }

  #body(ends: readonly string[]): Statement[] {
    this.#deeper();
    const statements: Statement[] = [];
    for (;;) {
      const token = this.#token;
      if (token.kind === 'data') {
        statements.push({ type: 'text', text: token.value });
        this.#place += 1;
      } else if (token.kind === 'variable-begin') {
        this.#place += 1;
        statements.push({ type: 'output', value: this.#tuple() });
        this.#expectKind('variable-end');
      } else if (token.kind === 'block-begin') {
        const name = this.#tokens[this.#place + 1]!;
        if (name.kind === 'name' && ends.includes(name.value)) break;
        this.#place += 1;
        statements.push(this.#statement());
        this.#expectKind('block-end');
      } else {
        if (ends.length > 0) throw this.#fault(`a tag ${ends.join(' or ')} is missing`);
        break;
      }
    }
    this.#depth -= 1;
    return statements;
  }

  /** The end of a tag, what is inside, and the name of the tag that ends it, whose end is left to the caller. */
  #inner(...ends: string[]): { body: Statement[]; end: string } {
    if (this.#isOperator(':')) this.#place += 1;
    this.#expectKind('block-end');
    const body = this.#body(ends);
    this.#place += 1;
    const end = this.#token.value;
    this.#place += 1;
    return { body, end };
  }

  #statement(): Statement {
    const token = this.#token;
    if (token.kind !== 'name') throw this.#fault('the name of a tag is expected');
    this.#place += 1;
    switch (token.value) {
      case 'if':
        return this.#if();
      case 'for':
        return this.#for();
      case 'set':
        return this.#set();
      case 'macro':
        return this.#macro();
      case 'call':
        return this.#callBlock();
      case 'filter': {
        const filter = this.#filters(undefined, true);
        return { type: 'filter-block', filter, body: this.#outsideLoops(() => this.#inner('endfilter').body) };
      }
      case 'with': {
        const variables: { target: Target; value: Expression }[] = [];
        while (this.#token.kind !== 'block-end') {
          if (variables.length > 0) this.#expect(',');
          const target = this.#target();
          this.#expect('=');
          variables.push({ target, value: this.#expression() });
        }
        return { type: 'with', variables, body: this.#inner('endwith').body };
      }
      case 'generation':
        // The body is a call's of its own: what it sets stays inside.
        return { type: 'scope', body: this.#outsideLoops(() => this.#inner('endgeneration').body) };
      case 'block': {
        const name = this.#name();
        while (this.#isName('scoped') || this.#isName('required')) this.#place += 1;
        const { body } = this.#outsideLoops(() => this.#inner('endblock'));
        if (this.#isName(name)) this.#place += 1;
        return { type: 'scope', body };
      }
      case 'break':
      case 'continue':
        if (this.#loops === 0) throw this.#fault(`${token.value} outside of a loop`);
        return { type: token.value };
      default:
        throw this.#fault(`the tag "${token.value}" is not known here`);
    }
  }

  #outsideLoops<Result>(read: () => Result): Result {
    const loops = this.#loops;
    this.#loops = 0;
    const result = read();
    this.#loops = loops;
    return result;
  }

  #if(): Statement {
    const branches: { test: Expression; body: Statement[] }[] = [];
    let test = this.#tuple({ conditional: false });
    for (;;) {
      const { body, end } = this.#inner('elif', 'else', 'endif');
      branches.push({ test, body });
      if (end === 'elif') {
        test = this.#tuple({ conditional: false });
        continue;
      }
      return { type: 'if', branches, otherwise: end === 'else' ? this.#inner('endif').body : [] };
    }
  }

  #for(): Statement {
    const target = this.#target(true);
    if (!this.#isName('in')) throw this.#fault('"in" is expected');
    this.#place += 1;
    const iterable = this.#tuple({ conditional: false, endsAt: 'recursive' });
    let condition: Expression | undefined;
    if (this.#isName('if')) {
      this.#place += 1;
      condition = this.#expression();
    }
    const recursive = this.#isName('recursive');
    if (recursive) this.#place += 1;
    this.#loops += 1;
    const { body, end } = this.#inner('endfor', 'else');
    this.#loops -= 1;
    return {
      type: 'for',
      target,
      iterable,
      condition,
      recursive,
      body,
      otherwise: end === 'else' ? this.#inner('endfor').body : [],
    };
  }

  #set(): Statement {
    const target = this.#target();
    if (this.#isOperator('=')) {
      this.#place += 1;
      return { type: 'set', target, value: this.#tuple() };
    }
    const filter = this.#isOperator('|') ? this.#filters(undefined, false) : undefined;
    return { type: 'set-block', target, filter, body: this.#outsideLoops(() => this.#inner('endset').body) };
  }

  #macro(): Statement {
    const name = this.#name();
    this.#expect('(');
    const parameters = this.#parameters();
    this.#uses.push(new Set());
    const { body } = this.#outsideLoops(() => this.#inner('endmacro'));
    const uses = this.#uses.pop()!;
    return {
      type: 'macro',
      name,
      parameters,
      body,
      uses: { caller: uses.has('caller'), varargs: uses.has('varargs'), kwargs: uses.has('kwargs') },
    };
  }

  #callBlock(): Statement {
    let parameters: Parameters = { names: [], defaults: [] };
    if (this.#isOperator('(')) {
      this.#place += 1;
      parameters = this.#parameters();
    }
    const call = this.#expression();
    if (call.type !== 'call') throw this.#fault('a call is expected');
    return { type: 'call-block', call, parameters, body: this.#outsideLoops(() => this.#inner('endcall').body) };
  }

  /** After the parenthesis. */
  #parameters(): Parameters {
    const names: string[] = [];
    const defaults: Expression[] = [];
    while (!this.#isOperator(')')) {
      if (names.length > 0) this.#expect(',');
      names.push(this.#name());
      if (this.#isOperator('=')) {
        this.#place += 1;
        defaults.push(this.#expression());
      } else if (defaults.length > 0) throw this.#fault('a parameter without a value follows one with a value');
    }
    this.#place += 1;
    return { names, defaults };
  }

  #target(beforeIn = false): Target {
    const items: Target[] = [];
    let isTuple = false;
    for (;;) {
      if (items.length > 0) this.#expect(',');
      if (
        items.length > 0 &&
        (this.#isOperator('=') ||
          this.#isOperator(')') ||
          this.#token.kind === 'block-end' ||
          (beforeIn && this.#isName('in')))
      )
        break;
      items.push(this.#oneTarget());
      if (!this.#isOperator(',')) break;
      isTuple = true;
    }
    return isTuple ? { type: 'targets', items } : items[0]!;
  }

  #oneTarget(): Target {
    if (this.#isOperator('(')) {
      this.#place += 1;
      const target = this.#target();
      this.#expect(')');
      return target;
    }
    const name = this.#name();
    if (/^(?:true|false|none|True|False|None)$/.test(name)) throw this.#fault(`${name} can't be set`);
    if (!this.#isOperator('.')) return { type: 'name', name };
    this.#place += 1;
    return { type: 'member', name, attribute: this.#name() };
  }

  #tuple(options: { conditional?: boolean; endsAt?: string; parenthesized?: boolean } = {}): Expression {
    const items: Expression[] = [];
    let isTuple = false;
    for (;;) {
      if (items.length > 0) this.#expect(',');
      const { kind } = this.#token;
      if (
        kind === 'variable-end' ||
        kind === 'block-end' ||
        this.#isOperator(')') ||
        (options.endsAt !== undefined && this.#isName(options.endsAt))
      )
        break;
      items.push(this.#expression(options.conditional ?? true));
      if (!this.#isOperator(',')) break;
      isTuple = true;
    }
    if (!isTuple) {
      if (items.length > 0) return items[0]!;
      if (options.parenthesized !== true) throw this.#fault('an expression is expected');
    }
    return { type: 'tuple', items };
  }

  #expression(conditional = true): Expression {
    this.#deeper();
    let expression = this.#or();
    while (conditional && this.#isName('if')) {
      this.#place += 1;
      const test = this.#or();
      let otherwise: Expression | undefined;
      if (this.#isName('else')) {
        this.#place += 1;
        otherwise = this.#expression();
      }
      expression = { type: 'conditional', test, then: expression, otherwise };
    }
    this.#depth -= 1;
    return expression;
  }

  #or(): Expression {
    let left = this.#and();
    while (this.#isName('or')) {
      this.#place += 1;
      left = { type: 'or', left, right: this.#and() };
    }
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.#isName('and')) {
      this.#place += 1;
      left = { type: 'and', left, right: this.#not() };
    }
    return left;
  }

  #not(): Expression {
    if (!this.#isName('not')) return this.#compare();
    this.#place += 1;
    this.#deeper();
    const operand = this.#not();
    this.#depth -= 1;
    return { type: 'not', operand };
  }

  #compare(): Expression {
    const left = this.#sum();
    const rest: { operator: string; right: Expression }[] = [];
    for (;;) {
      const token = this.#token;
      if (token.kind === 'operator' && ['==', '!=', '<', '>', '<=', '>='].includes(token.value)) {
        this.#place += 1;
        rest.push({ operator: token.value, right: this.#sum() });
      } else if (this.#isName('in')) {
        this.#place += 1;
        rest.push({ operator: 'in', right: this.#sum() });
      } else if (this.#isName('not') && this.#isName('in', 1)) {
        this.#place += 2;
        rest.push({ operator: 'not in', right: this.#sum() });
      } else break;
    }
    return rest.length === 0 ? left : { type: 'compare', left, rest };
  }

  #sum(): Expression {
    let left = this.#concatenation();
    while (this.#isOperator('+') || this.#isOperator('-'))
      left = { type: 'binary', operator: this.#next().value, left, right: this.#concatenation() };
    return left;
  }

  #concatenation(): Expression {
    const items = [this.#product()];
    while (this.#isOperator('~')) {
      this.#place += 1;
      items.push(this.#product());
    }
    return items.length === 1 ? items[0]! : { type: 'concatenate', items };
  }

  #product(): Expression {
    let left = this.#power();
    while (this.#token.kind === 'operator' && ['*', '/', '//', '%'].includes(this.#token.value)) {
      left = { type: 'binary', operator: this.#next().value, left, right: this.#power() };
    }
    return left;
  }

  #power(): Expression {
    let left = this.#unary(true);
    while (this.#isOperator('**')) {
      this.#place += 1;
      left = { type: 'binary', operator: '**', left, right: this.#unary(true) };
    }
    return left;
  }

  #unary(withFilters: boolean): Expression {
    this.#deeper();
    let node: Expression;
    if (this.#isOperator('-') || this.#isOperator('+')) {
      const type = this.#next().value === '-' ? 'negative' : 'positive';
      node = { type, operand: this.#unary(false) };
    } else node = this.#primary();
    node = this.#postfix(node);
    if (withFilters) node = this.#filters(node, false);
    this.#depth -= 1;
    return node;
  }

  #primary(): Expression {
    const token = this.#next();
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
              this.#uses.at(-1)?.add(token.value);
            return { type: 'name', name: token.value };
        }
      case 'string': {
        let value = token.value;
        while (this.#token.kind === 'string') value += this.#next().value;
        return { type: 'constant', value };
      }
      case 'integer': {
        const value = Number(token.value);
        if (!Number.isSafeInteger(value)) throw this.#fault(`the number ${token.value} is too large`);
        return { type: 'constant', value };
      }
      case 'float':
        return { type: 'constant', value: new Float(Number(token.value)) };
      case 'operator':
        if (token.value === '(') {
          const inner = this.#tuple({ parenthesized: true });
          this.#expect(')');
          return inner;
        }
        if (token.value === '[') {
          const items: Expression[] = [];
          while (!this.#isOperator(']')) {
            if (items.length > 0) this.#expect(',');
            if (this.#isOperator(']')) break;
            items.push(this.#expression());
          }
          this.#place += 1;
          return { type: 'list', items };
        }
        if (token.value === '{') {
          const items: [Expression, Expression][] = [];
          while (!this.#isOperator('}')) {
            if (items.length > 0) this.#expect(',');
            if (this.#isOperator('}')) break;
            const key = this.#expression();
            this.#expect(':');
            items.push([key, this.#expression()]);
          }
          this.#place += 1;
          return { type: 'dict', items };
        }
    }
    this.#place -= 1;
    throw this.#fault('an expression is expected');
  }

  #postfix(start: Expression): Expression {
    let node = start;
    for (let count = 0; ; count += 1) {
      if (count > 2 * deepest) throw this.#fault('an expression is too long');
      if (this.#isOperator('.')) {
        this.#place += 1;
        const token = this.#next();
        if (token.kind === 'name') node = { type: 'attribute', target: node, name: token.value };
        else if (token.kind === 'integer')
          node = { type: 'item', target: node, key: { type: 'constant', value: Number(token.value) } };
        else throw this.#fault('a name is expected');
      } else if (this.#isOperator('[')) {
        this.#place += 1;
        const keys: Expression[] = [];
        while (!this.#isOperator(']')) {
          if (keys.length > 0) this.#expect(',');
          keys.push(this.#subscript());
        }
        this.#place += 1;
        if (keys.length === 0) throw this.#fault('an index is expected');
        node = { type: 'item', target: node, key: keys.length === 1 ? keys[0]! : { type: 'tuple', items: keys } };
      } else if (this.#isOperator('(')) node = { type: 'call', target: node, inputs: this.#inputs() };
      else return node;
    }
  }

  #subscript(): Expression {
    const part = (): Expression | undefined =>
      this.#isOperator(':') || this.#isOperator(']') || this.#isOperator(',') ? undefined : this.#expression();
    const start = part();
    if (!this.#isOperator(':')) return start!;
    this.#place += 1;
    const stop = part();
    let step: Expression | undefined;
    if (this.#isOperator(':')) {
      this.#place += 1;
      step = part();
    }
    return { type: 'slice', start, stop, step };
  }

  /** Filters, tests and calls behind a value. `inline`: the first filter has no `|` (`{% filter upper %}`). */
  #filters(start: Expression | undefined, inline: boolean): Expression {
    let node = start;
    let first = inline;
    for (let count = 0; ; count += 1) {
      if (count > 2 * deepest) throw this.#fault('an expression is too long');
      if (first || this.#isOperator('|')) {
        if (!first) this.#place += 1;
        first = false;
        let name = this.#name();
        while (this.#isOperator('.')) {
          this.#place += 1;
          name += `.${this.#name()}`;
        }
        node = { type: 'filter', name, target: node, inputs: this.#isOperator('(') ? this.#inputs() : none };
      } else if (node !== undefined && this.#isName('is')) {
        this.#place += 1;
        node = this.#test(node);
      } else if (node !== undefined && this.#isOperator('('))
        node = { type: 'call', target: node, inputs: this.#inputs() };
      else return node!;
    }
  }

  #test(target: Expression): Expression {
    const negated = this.#isName('not');
    if (negated) this.#place += 1;
    let name = this.#name();
    while (this.#isOperator('.')) {
      this.#place += 1;
      name += `.${this.#name()}`;
    }
    let inputs: Inputs = none;
    const { kind, value } = this.#token;
    if (this.#isOperator('(')) inputs = this.#inputs();
    else if (
      kind === 'string' ||
      kind === 'integer' ||
      kind === 'float' ||
      this.#isOperator('[') ||
      this.#isOperator('{') ||
      (kind === 'name' && !['else', 'or', 'and', 'if', 'recursive'].includes(value))
    ) {
      if (this.#isName('is')) throw this.#fault('tests can\'t be chained with "is"');
      // `x is not y` reads y as the test; `x is y in z` ends before "in".
      if (!(kind === 'name' && (value === 'in' || value === 'not')))
        inputs = { positional: [{ value: this.#postfix(this.#primary()), spread: false }], named: [] };
    }
    const test: Expression = { type: 'test', name, target, inputs };
    return negated ? { type: 'not', operand: test } : test;
  }

  /** From the parenthesis on. */
  #inputs(): Inputs {
    this.#expect('(');
    const inputs: Inputs = { positional: [], named: [] };
    let some = false;
    while (!this.#isOperator(')')) {
      if (some) {
        this.#expect(',');
        if (this.#isOperator(')')) break;
      }
      some = true;
      if (this.#isOperator('**')) {
        this.#place += 1;
        inputs.named.push({ name: undefined, value: this.#expression() });
      } else if (this.#isOperator('*')) {
        this.#place += 1;
        inputs.positional.push({ value: this.#expression(), spread: true });
      } else if (this.#token.kind === 'name' && this.#isOperator('=', 1)) {
        const name = this.#name();
        this.#place += 1;
        inputs.named.push({ name, value: this.#expression() });
      } else {
        if (inputs.named.length > 0) throw this.#fault('a value without a name follows one with a name');
        inputs.positional.push({ value: this.#expression(), spread: false });
      }
    }
    this.#place += 1;
    return inputs;
  }

  #deeper(): void {
    this.#depth += 1;
    if (this.#depth > deepest) throw this.#fault(`it nests deeper than ${deepest} levels`);
  }

  #next(): Token {
    const token = this.#token;
    this.#place += 1;
    return token;
  }

  #name(): string {
    if (this.#token.kind !== 'name') throw this.#fault('a name is expected');
    return this.#next().value;
  }

  #isOperator(value: string, ahead = 0): boolean {
    const token = this.#tokens[this.#place + ahead];
    return token?.kind === 'operator' && token.value === value;
  }

  #isName(value: string, ahead = 0): boolean {
    const token = this.#tokens[this.#place + ahead];
    return token?.kind === 'name' && token.value === value;
  }

  #expect(operator: string): void {
    if (!this.#isOperator(operator)) throw this.#fault(`${operator} is expected`);
    this.#place += 1;
  }

  #expectKind(kind: 'variable-end' | 'block-end'): void {
    if (this.#token.kind !== kind) throw this.#fault('the end of the tag is expected');
    this.#place += 1;
  }

  #fault(what: string): TemplateFault {
    const { kind, value, line } = this.#token;
    return new TemplateFault(
      `${what} in line ${line}, not ${kind === 'end' ? 'the end' : value === '' ? kind.replace('-', ' ') : JSON.stringify(value)}`,
    );
  }
}

const none: Inputs = { positional: [], named: [] };
