import { numberFilters } from './number-filters';
import { sequenceFilters } from './sequence-filters';
import { textFilters } from './text-filters';
import { attribute as attributeOf } from './access';
import { type Filter } from './filter';
import { Arguments } from './inputs';
import { truthy, Undefined, undefinedFault } from './values';

const byDefault: Filter = (value, inputs) => {
  const given = new Arguments('default', inputs, ['default_value', 'boolean']);
  return value instanceof Undefined || (truthy(given.get('boolean', false)) && !truthy(value))
    ? given.get('default_value', '')
    : value;
};

/** Jinja's filters, except those that print addresses, are random or generate HTML. */
export const filters: Readonly<Record<string, Filter>> = {
  ...numberFilters,
  ...textFilters,
  ...sequenceFilters,
  attr: (value, inputs, { budget }) => {
    const name = new Arguments('attr', inputs, ['name']).text('name');
    if (value instanceof Undefined) throw undefinedFault(value);
    // Keys of a dict are not attributes.
    return attributeOf(value instanceof Map ? new Map() : value, name, budget);
  },
  d: byDefault,
  default: byDefault,
};
