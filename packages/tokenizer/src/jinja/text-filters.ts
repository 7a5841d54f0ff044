import { type Filter, noInputs, ofText } from './filter';
import { formatPercent } from './format';
import { Arguments } from './inputs';
import { textMethods } from './text-methods';
import { capitalize, padded, replace, strip } from './python-text';
import { toJson } from './to-json';
import { fault, truthy, Tuple, typeName } from './values';
import { lengthOf, textLength } from './items';
import { text } from './value-texts';

const escapeHtml = ofText((value, budget) => {
  budget.text(4 * value.length);
  return value.replace(
    /[&<>'"]/g,
    (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', "'": '&#39;', '"': '&#34;' })[character]!,
  );
});

const indent: Filter = (value, inputs, { budget }) => {
  const given = new Arguments('indent', inputs, ['width', 'first', 'blank']);
  const width = given.get('width', 4);
  const space = typeof width === 'string' ? width : padded('', given.whole('width', 4), ' ', 'right', budget);
  const self = text(value, budget);
  const lines = textMethods['splitlines']!(`${self}\n`, noInputs, budget) as string[];
  budget.text(self.length + lines.length * (space.length + 1));
  const blank = truthy(given.get('blank', false));
  const result = lines.map((line, index) => (index > 0 && (blank || line !== '') ? space + line : line)).join('\n');
  return truthy(given.get('first', false)) ? space + result : result;
};

const title = ofText((value) =>
  value
    .split(/([-\s({[<]+)/)
    .map((part) => {
      const [first = '', ...rest] = Array.from(part);
      return first.toUpperCase() + rest.join('').toLowerCase();
    })
    .join(''),
);

const truncate: Filter = (value, inputs, { budget }) => {
  const given = new Arguments('truncate', inputs, ['length', 'killwords', 'end', 'leeway']);
  const most = given.whole('length', 255);
  const end = given.text('end', '...');
  const leeway = given.get('leeway', null) === null ? 5 : given.whole('leeway');
  // Short values are returned unchanged.
  if (typeof value !== 'string' && lengthOf(value, budget) <= most + leeway) return value;
  const self = text(value, budget);
  budget.text(self.length);
  const characters = Array.from(self);
  if (most < textLength(end) || leeway < 0) throw fault('truncate: the length or the leeway is too small');
  if (characters.length <= most + leeway) return self;
  const cut = characters.slice(0, most - textLength(end)).join('');
  if (truthy(given.get('killwords', false))) return cut + end;
  const space = cut.lastIndexOf(' ');
  return (space < 0 ? cut : cut.slice(0, space)) + end;
};

const quote = (value: string): string =>
  encodeURIComponent(value).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/** Filters that take or return strings. */
export const textFilters: Readonly<Record<string, Filter>> = {
  capitalize: ofText(capitalize),
  center: (value, inputs, { budget }) =>
    padded(text(value, budget), new Arguments('center', inputs, ['width']).whole('width', 80), ' ', 'both', budget),
  e: escapeHtml,
  escape: escapeHtml,
  forceescape: escapeHtml,
  format: (value, inputs, { budget }) => {
    if (inputs.positional.length > 0 && inputs.named.size > 0)
      throw fault("can't handle positional and keyword arguments at the same time");
    return formatPercent(
      text(value, budget),
      inputs.named.size > 0 ? new Map(inputs.named) : new Tuple(inputs.positional),
      budget,
    );
  },
  indent,
  lower: ofText((value) => value.toLowerCase()),
  replace: (value, inputs, { budget }) => {
    const given = new Arguments('replace', inputs, ['old', 'new', 'count']);
    const count = given.get('count', null) === null ? -1 : given.whole('count');
    return replace(text(value, budget), text(given.get('old'), budget), text(given.get('new'), budget), count, budget);
  },
  safe: ofText((value) => value),
  string: ofText((value) => value),
  striptags: ofText((value) => {
    const plain = value.replace(/<!--[^]*?-->/g, '').replace(/<[^>]*>/g, '');
    const entities: Record<string, string> = {
      '&amp;': '&',
      '&lt;': '<',
      '&gt;': '>',
      '&#39;': "'",
      '&#34;': '"',
      '&quot;': '"',
    };
    return strip(plain.replace(/\s+/g, ' '), null, true, true).replace(
      /&(?:amp|lt|gt|quot|#39|#34);/g,
      (entity) => entities[entity]!,
    );
  }),
  title,
  tojson: (value, inputs, { budget }) => {
    const given = new Arguments('tojson', inputs, ['ensure_ascii', 'indent', 'separators', 'sort_keys']);
    const width = given.get('indent', null);
    const given2 = given.get('separators', null);
    const pair = given2 === null ? undefined : given2 instanceof Tuple ? given2.items : (given2 as unknown[]);
    if (pair !== undefined && (pair.length !== 2 || !pair.every((part) => typeof part === 'string')))
      throw fault('tojson: separators must be two strings');
    const space =
      width === null
        ? undefined
        : typeof width === 'string'
          ? width
          : padded('', Math.min(10_000, given.whole('indent')), ' ', 'right', budget);
    return toJson(
      value,
      {
        ascii: truthy(given.get('ensure_ascii', false)),
        indent: space,
        separators: pair as [string, string] | undefined,
        sortKeys: truthy(given.get('sort_keys', false)),
      },
      budget,
    );
  },
  trim: (value, inputs, { budget }) => {
    const chars = new Arguments('trim', inputs, ['chars']).get('chars', null);
    if (chars !== null && typeof chars !== 'string')
      throw fault(`strip arg must be None or str, not ${typeName(chars)}`);
    const self = text(value, budget);
    budget.text(self.length);
    return strip(self, chars, true, true);
  },
  truncate,
  upper: ofText((value) => value.toUpperCase()),
  urlencode: (value, inputs, { budget }) => {
    new Arguments('urlencode', inputs, []);
    if (value instanceof Map || (typeof value !== 'string' && Array.isArray(value))) {
      const pairs =
        value instanceof Map
          ? [...value]
          : (value as unknown[]).map((pair) => (pair instanceof Tuple ? pair.items : (pair as unknown[])));
      return pairs.map(([key, item]) => `${quote(text(key, budget))}=${quote(text(item, budget))}`).join('&');
    }
    const self = text(value, budget);
    budget.text(3 * self.length);
    return quote(self).replaceAll('%2F', '/');
  },
  wordcount: ofText((value) => (value.match(/[\p{L}\p{N}_]+/gu) ?? []).length),
};
