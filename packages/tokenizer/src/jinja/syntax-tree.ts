export type Expression =
  | { type: 'constant'; value: unknown }
  | { type: 'name'; name: string }
  | { type: 'list' | 'tuple'; items: Expression[] }
  | { type: 'dict'; items: [Expression, Expression][] }
  | { type: 'conditional'; test: Expression; then: Expression; otherwise: Expression | undefined }
  | { type: 'or' | 'and'; left: Expression; right: Expression }
  | { type: 'not' | 'negative' | 'positive'; operand: Expression }
  | { type: 'binary'; operator: string; left: Expression; right: Expression }
  | { type: 'compare'; left: Expression; rest: { operator: string; right: Expression }[] }
  | { type: 'concatenate'; items: Expression[] }
  | { type: 'attribute'; target: Expression; name: string }
  | { type: 'item'; target: Expression; key: Expression }
  | { type: 'slice'; start: Expression | undefined; stop: Expression | undefined; step: Expression | undefined }
  | { type: 'call'; target: Expression; inputs: Inputs }
  | { type: 'filter'; name: string; target: Expression | undefined; inputs: Inputs }
  | { type: 'test'; name: string; target: Expression; inputs: Inputs };

/** Arguments of a call. */
export interface Inputs {
  positional: { value: Expression; spread: boolean }[];
  /** Keyword arguments; the name is undefined for `**`. */
  named: { name: string | undefined; value: Expression }[];
}

export type Target =
  | { type: 'name'; name: string }
  | { type: 'member'; name: string; attribute: string }
  | { type: 'targets'; items: Target[] };

export interface Parameters {
  names: string[];
  /** Defaults of the last parameters. */
  defaults: Expression[];
}

export type Statement =
  | { type: 'text'; text: string }
  | { type: 'output'; value: Expression }
  | { type: 'if'; branches: { test: Expression; body: Statement[] }[]; otherwise: Statement[] }
  | {
      type: 'for';
      target: Target;
      iterable: Expression;
      condition: Expression | undefined;
      recursive: boolean;
      body: Statement[];
      otherwise: Statement[];
    }
  | { type: 'set'; target: Target; value: Expression }
  | { type: 'set-block'; target: Target; filter: Expression | undefined; body: Statement[] }
  | {
      type: 'macro';
      name: string;
      parameters: Parameters;
      body: Statement[];
      uses: { caller: boolean; varargs: boolean; kwargs: boolean };
    }
  | { type: 'call-block'; call: Expression; parameters: Parameters; body: Statement[] }
  | { type: 'filter-block'; filter: Expression; body: Statement[] }
  | { type: 'with'; variables: { target: Target; value: Expression }[]; body: Statement[] }
  | { type: 'scope'; body: Statement[] }
  | { type: 'break' | 'continue' };
