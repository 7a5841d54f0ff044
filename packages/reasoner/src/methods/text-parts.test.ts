import { describe, expect, it } from 'vitest';

import { textParts } from './text-parts';

describe('parts of an explanation', () => {
  it.each([
    ['a red one . a blue one .', 2, ['a red one .', 'a blue one .']],
    ['First. Then? Last!', 3, ['First.', 'Then?', 'Last!']],
    ['one . two . three . four . five', 2, ['one . two .', 'three . four . five']],
    // Fewer sentences than thoughts.
    ['red square', 2, ['red', 'square']],
    ['red', 3, ['', '', 'red']],
    ['3 + 4 = 7', 1, ['3 + 4 = 7']],
    ['', 2, ['', '']],
  ])('%s in %i', (text, parts, expected) => {
    expect(textParts({ text, parts })).toEqual(expected);
    expect(textParts({ text, parts }).join(' ').trim()).toBe(text);
  });
});
