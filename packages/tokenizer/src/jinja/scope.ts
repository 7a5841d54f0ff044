/** Variables of a scope, chained to its parent scopes. */
export class Scope {
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
