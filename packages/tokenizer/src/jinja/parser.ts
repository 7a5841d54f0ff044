import { ExpressionParser } from './expression-parser';
import { tokenize } from './lexer';
import type { Expression, Parameters, Statement, Target } from './syntax-tree';

/** Parses a Jinja template. */
export function parseTemplate(source: string): Statement[] {
  return new Parser(tokenize(source)).parse();
}

class Parser extends ExpressionParser {
  #loops = 0;

  parse(): Statement[] {
    const body = this.#body([]);
    return body;
  }

  #body(ends: readonly string[]): Statement[] {
    this.deeper();
    const statements: Statement[] = [];
    for (;;) {
      const token = this.token;
      if (token.kind === 'data') {
        statements.push({ type: 'text', text: token.value });
        this.place += 1;
      } else if (token.kind === 'variable-begin') {
        this.place += 1;
        statements.push({ type: 'output', value: this.tuple() });
        this.expectKind('variable-end');
      } else if (token.kind === 'block-begin') {
        const name = this.tokens[this.place + 1]!;
        if (name.kind === 'name' && ends.includes(name.value)) break;
        this.place += 1;
        statements.push(this.#statement());
        this.expectKind('block-end');
      } else {
        if (ends.length > 0) throw this.fault(`a tag ${ends.join(' or ')} is missing`);
        break;
      }
    }
    this.depth -= 1;
    return statements;
  }

  /** Parses the end of a tag, its body, and the name of the closing tag, whose end is left to the caller. */
  #inner(...ends: string[]): { body: Statement[]; end: string } {
    if (this.isOperator(':')) this.place += 1;
    this.expectKind('block-end');
    const body = this.#body(ends);
    this.place += 1;
    const end = this.token.value;
    this.place += 1;
    return { body, end };
  }

  #statement(): Statement {
    const token = this.token;
    if (token.kind !== 'name') throw this.fault('expected a tag name');
    this.place += 1;
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
        const filter = this.filters(undefined, true);
        return { type: 'filter-block', filter, body: this.#outsideLoops(() => this.#inner('endfilter').body) };
      }
      case 'with': {
        const variables: { target: Target; value: Expression }[] = [];
        while (this.token.kind !== 'block-end') {
          if (variables.length > 0) this.expect(',');
          const target = this.#target();
          this.expect('=');
          variables.push({ target, value: this.expression() });
        }
        return { type: 'with', variables, body: this.#inner('endwith').body };
      }
      case 'generation':
        // The body is a separate call: variables set inside stay local.
        return { type: 'scope', body: this.#outsideLoops(() => this.#inner('endgeneration').body) };
      case 'block': {
        const name = this.name();
        while (this.isName('scoped') || this.isName('required')) this.place += 1;
        const { body } = this.#outsideLoops(() => this.#inner('endblock'));
        if (this.isName(name)) this.place += 1;
        return { type: 'scope', body };
      }
      case 'break':
      case 'continue':
        if (this.#loops === 0) throw this.fault(`${token.value} outside of a loop`);
        return { type: token.value };
      default:
        throw this.fault(`the tag "${token.value}" is not supported`);
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
    let test = this.tuple({ conditional: false });
    for (;;) {
      const { body, end } = this.#inner('elif', 'else', 'endif');
      branches.push({ test, body });
      if (end === 'elif') {
        test = this.tuple({ conditional: false });
        continue;
      }
      return { type: 'if', branches, otherwise: end === 'else' ? this.#inner('endif').body : [] };
    }
  }

  #for(): Statement {
    const target = this.#target(true);
    if (!this.isName('in')) throw this.fault('expected "in"');
    this.place += 1;
    const iterable = this.tuple({ conditional: false, endsAt: 'recursive' });
    let condition: Expression | undefined;
    if (this.isName('if')) {
      this.place += 1;
      condition = this.expression();
    }
    const recursive = this.isName('recursive');
    if (recursive) this.place += 1;
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
    if (this.isOperator('=')) {
      this.place += 1;
      return { type: 'set', target, value: this.tuple() };
    }
    const filter = this.isOperator('|') ? this.filters(undefined, false) : undefined;
    return { type: 'set-block', target, filter, body: this.#outsideLoops(() => this.#inner('endset').body) };
  }

  #macro(): Statement {
    const name = this.name();
    this.expect('(');
    const parameters = this.#parameters();
    this.uses.push(new Set());
    const { body } = this.#outsideLoops(() => this.#inner('endmacro'));
    const uses = this.uses.pop()!;
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
    if (this.isOperator('(')) {
      this.place += 1;
      parameters = this.#parameters();
    }
    const call = this.expression();
    if (call.type !== 'call') throw this.fault('expected a call');
    return { type: 'call-block', call, parameters, body: this.#outsideLoops(() => this.#inner('endcall').body) };
  }

  /** Parameters, after the opening parenthesis. */
  #parameters(): Parameters {
    const names: string[] = [];
    const defaults: Expression[] = [];
    while (!this.isOperator(')')) {
      if (names.length > 0) this.expect(',');
      names.push(this.name());
      if (this.isOperator('=')) {
        this.place += 1;
        defaults.push(this.expression());
      } else if (defaults.length > 0) throw this.fault('a parameter without a default follows one with a default');
    }
    this.place += 1;
    return { names, defaults };
  }

  #target(beforeIn = false): Target {
    const items: Target[] = [];
    let isTuple = false;
    for (;;) {
      if (items.length > 0) this.expect(',');
      if (
        items.length > 0 &&
        (this.isOperator('=') ||
          this.isOperator(')') ||
          this.token.kind === 'block-end' ||
          (beforeIn && this.isName('in')))
      )
        break;
      items.push(this.#oneTarget());
      if (!this.isOperator(',')) break;
      isTuple = true;
    }
    return isTuple ? { type: 'targets', items } : items[0]!;
  }

  #oneTarget(): Target {
    if (this.isOperator('(')) {
      this.place += 1;
      const target = this.#target();
      this.expect(')');
      return target;
    }
    const name = this.name();
    if (/^(?:true|false|none|True|False|None)$/.test(name)) throw this.fault(`${name} can't be assigned`);
    if (!this.isOperator('.')) return { type: 'name', name };
    this.place += 1;
    return { type: 'member', name, attribute: this.name() };
  }
}
