import type { Token } from './lexer';
import { TemplateFault } from './template-error';

/** Maximum nesting of brackets and tags. */
export const deepest = 150;

/** Reads the tokens of a template sequentially. */
export class TokenReader {
  protected readonly tokens: readonly Token[];

  protected place = 0;

  protected depth = 0;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  protected get token(): Token {
    return this.tokens[this.place]!;
  }

  protected deeper(): void {
    this.depth += 1;
    if (this.depth > deepest) throw this.fault(`it nests deeper than ${deepest} levels`);
  }

  protected next(): Token {
    const token = this.token;
    this.place += 1;
    return token;
  }

  protected name(): string {
    if (this.token.kind !== 'name') throw this.fault('expected a name');
    return this.next().value;
  }

  protected isOperator(value: string, ahead = 0): boolean {
    const token = this.tokens[this.place + ahead];
    return token?.kind === 'operator' && token.value === value;
  }

  protected isName(value: string, ahead = 0): boolean {
    const token = this.tokens[this.place + ahead];
    return token?.kind === 'name' && token.value === value;
  }

  protected expect(operator: string): void {
    if (!this.isOperator(operator)) throw this.fault(`expected ${operator}`);
    this.place += 1;
  }

  protected expectKind(kind: 'variable-end' | 'block-end'): void {
    if (this.token.kind !== kind) throw this.fault('expected the end of the tag');
    this.place += 1;
  }

  protected fault(what: string): TemplateFault {
    const { kind, value, line } = this.token;
    return new TemplateFault(
      `${what} in line ${line}, not ${kind === 'end' ? 'the end' : value === '' ? kind.replace('-', ' ') : JSON.stringify(value)}`,
    );
  }
}
