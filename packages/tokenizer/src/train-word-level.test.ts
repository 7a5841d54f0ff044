import fc from 'fast-check';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { loadTokenizer } from './load';
import { trainWordLevelTokenizer } from './train-word-level';

const texts = [
  'The red circle is left of the blue square.',
  '<SUMMARY> There are 12 shapes; find the circle. </SUMMARY>',
  'A line\nand  another,\twith "quotes" (and brackets) – don’t ask: naïve, 猫が好き, x_1 = 3.14!',
];
const specialTokens = ['<SUMMARY>', '</SUMMARY>', '<THINKING_OF_SUMMARY>'];

describe('trainWordLevelTokenizer', () => {
  it('numbers special tokens first, then words by count, and gives texts back exactly', () => {
    const tokenizer = trainWordLevelTokenizer({ texts, specialTokens });
    expect(['<pad>', '<unk>', '<s>', '</s>', ...specialTokens].map((token) => tokenizer.idOf(token))).toEqual([
      0, 1, 2, 3, 4, 5, 6,
    ]);
    expect([tokenizer.paddingId, tokenizer.unknownId, tokenizer.beginId, tokenizer.endId]).toEqual([0, 1, 2, 3]);
    for (const text of texts) {
      const { ids } = tokenizer.encode(text);
      expect(ids).not.toContain(tokenizer.unknownId);
      expect(tokenizer.decode(ids)).toBe(text);
    }
    expect(tokenizer.encode(' 12').ids.map((id) => tokenizer.tokenOf(id))).toEqual([' 1', '2']);
    expect(tokenizer.decode(tokenizer.encode('A zebra.').ids)).toBe('A<unk>.');
  });

  it('is the same tokenizer for the same texts', () => {
    expect(trainWordLevelTokenizer({ texts }).encode(texts[2]!)).toEqual(
      trainWordLevelTokenizer({ texts: new Set(texts) }).encode(texts[2]!),
    );
  });

  it('leaves out rare words, by count and by number', () => {
    const few = trainWordLevelTokenizer({ texts: ['a a a b b c'], minimumCount: 2 });
    expect([few.has(' a'), few.has(' b'), few.has(' c')]).toEqual([true, true, false]);
    expect(trainWordLevelTokenizer({ texts, specialTokens, maximumVocabulary: 10 }).vocabularySize).toBe(10);
    expect(() => trainWordLevelTokenizer({ texts, maximumVocabulary: 3 })).toThrow(/fewer than the 4/);
    expect(() => trainWordLevelTokenizer({ texts, specialTokens: ['<s>'] })).toThrow(/given twice/);
  });

  it('gives any text back that it was trained on', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('<', '[')),
          { minLength: 1 },
        ),
        (some) => {
          const tokenizer = trainWordLevelTokenizer({ texts: some });
          for (const text of some) expect(tokenizer.decode(tokenizer.encode(text).ids)).toBe(text);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('saves and loads', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tokenizer-'));
    try {
      const tokenizer = trainWordLevelTokenizer({ texts, specialTokens });
      const [added] = tokenizer.addTokens(['<THINKING_OF_CAPTION>']);
      expect(added).toBe(tokenizer.vocabularySize - 1);
      await tokenizer.save({ folder: join(folder, 'new') });
      expect((await readdir(join(folder, 'new'))).sort()).toEqual([
        'special_tokens_map.json',
        'tokenizer.json',
        'tokenizer_config.json',
      ]);
      const loaded = await loadTokenizer({ folder: join(folder, 'new') });
      const text = `${texts[1]} <THINKING_OF_CAPTION>`;
      expect(loaded.encode(text)).toEqual(tokenizer.encode(text));
      expect(loaded.decode(loaded.encode(text).ids, { skipSpecialTokens: true })).toBe(
        ' There are 12 shapes; find the circle.  ',
      );
      expect(
        JSON.parse(await readFile(join(folder, 'new', 'tokenizer.json'), 'utf8')).added_tokens.at(-1),
      ).toMatchObject({ id: added, special: true });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
