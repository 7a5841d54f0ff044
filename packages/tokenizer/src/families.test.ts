import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

import { Tokenizer } from './tokenizer';
import { checkTokenizerFile } from './tokenizer-file';

/** Small tokenizers put together as the published ones are, and what Rust makes of them: tooling/parity/make_family_tokenizer_fixtures.py. */
const { texts, cases } = JSON.parse(
  gunzipSync(readFileSync(new URL('../test/fixtures/families.json.gz', import.meta.url))).toString('utf8'),
) as {
  texts: string[];
  cases: Record<string, { tokenizer: unknown; ids: number[][]; decoded: string[]; plain: string[] }>;
};

describe.each(Object.entries(cases))('the tokenizer of %s', (name, { tokenizer: file, ids, decoded, plain }) => {
  const tokenizer = new Tokenizer({ file: checkTokenizerFile(file, name), settings: {}, chatTemplates: {} });

  it.each(texts.map((text, index) => [text, index] as const))(
    'reads and writes %j as the reference does',
    (text, index) => {
      expect(tokenizer.encode(text).ids).toEqual(ids[index]);
      expect(tokenizer.decode(ids[index]!)).toBe(decoded[index]);
      expect(tokenizer.decode(ids[index]!, { skipSpecialTokens: true })).toBe(plain[index]);
    },
  );

  it('streams what it decodes', () => {
    for (const row of ids) {
      const stream = tokenizer.decodeStream();
      expect(row.map((id) => stream.push(id)).join('') + stream.finish()).toBe(tokenizer.decode(row));
    }
  });
});
