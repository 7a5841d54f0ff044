import { makeRange } from './access';
import type { Budget } from './budget';
import { Arguments } from './inputs';
import { strftime } from './strftime';
import { TemplateFault } from './template-error';
import { Callable, type CallInputs, dictKey, fault, Namespace } from './values';
import { iterate } from './items';
import { text } from './value-texts';

/** Built-in functions of templates. */
export function globals({ budget, now }: { budget: Budget; now: () => Date }): Record<string, unknown> {
  const make = (name: string, call: (inputs: CallInputs) => unknown): Callable => new Callable(name, call);
  const dict = (inputs: CallInputs, name: string): Map<string, unknown> => {
    const result = new Map<string, unknown>();
    if (inputs.positional.length > 1) throw fault(`${name} takes at most one positional argument`);
    const [first] = inputs.positional;
    if (first instanceof Map) for (const [key, value] of first) result.set(key as string, value);
    else if (first !== undefined) {
      for (const pair of iterate(first, budget)) {
        const parts = iterate(pair, budget);
        if (parts.length !== 2) throw fault(`${name} takes pairs`);
        result.set(dictKey(parts[0]) as string, parts[1]);
      }
    }
    for (const [key, value] of inputs.named) result.set(key, value);
    budget.step(result.size);
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
      throw new TemplateFault(text(new Arguments('raise_exception', inputs, ['message']).get('message'), budget));
    }),
    strftime_now: make('strftime_now', (inputs) =>
      strftime(now(), new Arguments('strftime_now', inputs, ['format']).text('format')),
    ),
  };
}
