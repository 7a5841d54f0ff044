import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { loadTokenizer } from './load';
import { Tokenizer } from './tokenizer';
import { TokenizerError } from './tokenizer-error';
import { trainWordLevelTokenizer } from './train-word-level';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tokenizer-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A model folder with one of the tokenizers of the fixtures. */
async function modelFolder(
  name: string,
  settings: Record<string, unknown> = {},
  others: Record<string, string> = {},
): Promise<string> {
  const model = await mkdtemp(join(folder, `${name}-`));
  const packed = await readFile(new URL(`../test/fixtures/${name}.tokenizer.json.gz`, import.meta.url));
  await writeFile(join(model, 'tokenizer.json'), gunzipSync(packed));
  await writeFile(join(model, 'tokenizer_config.json'), JSON.stringify(settings));
  for (const [file, text] of Object.entries(others)) await writeFile(join(model, file), text);
  return model;
}

describe('added tokens', () => {
  it('take reserved slots in order, but not one that is in use; then new ids', async () => {
    const model = await modelFolder('llama3', { bos_token: '<|begin|>', pad_token: '<|reserved_special_token_1|>' });
    const tokenizer = await loadTokenizer({ folder: model });
    const size = tokenizer.vocabularySize;
    const slot = tokenizer.idOf('<|reserved_special_token_0|>');
    const eight = Array.from({ length: 8 }, (_, index) => `<THINKING_OF_REASONING_${index + 1}>`);
    const ids = tokenizer.addTokens(['<THINKING_OF_SUMMARY>', ...eight]);
    expect(ids).toEqual([slot, slot + 2, slot + 3, slot + 4, slot + 5, slot + 6, slot + 7, size, size + 1]);
    expect(tokenizer.vocabularySize).toBe(size + 2);
    expect(tokenizer.has('<|reserved_special_token_0|>')).toBe(false);
    expect(tokenizer.paddingId).toBe(slot + 1);
    expect(tokenizer.encode('x<THINKING_OF_SUMMARY>y', { addSpecialTokens: false }).ids[1]).toBe(slot);
    // Once more changes nothing.
    expect(tokenizer.addTokens(['<THINKING_OF_SUMMARY>'])).toEqual([slot]);

    await tokenizer.save({ folder: join(folder, 'saved') });
    const loaded = await loadTokenizer({ folder: join(folder, 'saved') });
    const text = 'A <THINKING_OF_SUMMARY> b <THINKING_OF_REASONING_8>.';
    expect(loaded.encode(text)).toEqual(tokenizer.encode(text));
    expect([loaded.beginId, loaded.paddingId, loaded.vocabularySize]).toEqual([
      tokenizer.beginId,
      tokenizer.paddingId,
      size + 2,
    ]);
  });

  it('take reserved slots inside the model vocabulary too', async () => {
    const tokenizer = await loadTokenizer({ folder: await modelFolder('bert-uncased') });
    const [id] = tokenizer.addTokens(['<THINKING_OF_CAPTION>']);
    expect(tokenizer.tokenOf(id!)).toBe('<THINKING_OF_CAPTION>');
    expect(id).toBe(5);
    expect(tokenizer.encode('see <THINKING_OF_CAPTION>!').ids).toContain(5);
    expect(tokenizer.decode([5, 5], { skipSpecialTokens: true })).toBe('');
  });

  it('are appended where no slot is wanted, or there', () => {
    const tokenizer = trainWordLevelTokenizer({ texts: ['a b'], specialTokens: ['<unused0>'] });
    const size = tokenizer.vocabularySize;
    expect(
      tokenizer.addTokens(['<x>', { content: '<y>', stripLeft: true, special: false }], { useReservedSlots: false }),
    ).toEqual([size, size + 1]);
    expect(tokenizer.addTokens(['<z>', '<x>', ' b'])).toEqual([tokenizer.idOf('<z>'), size, tokenizer.idOf(' b')]);
    expect(tokenizer.encode('a <y>').ids).toEqual([tokenizer.idOf('a'), size + 1]);
    expect(tokenizer.decode([size, size + 1], { skipSpecialTokens: true })).toBe('<y>');
    for (const tokens of [[''], ['  '], ['<q>', '<q>'], [undefined as unknown as string]]) {
      expect(() => tokenizer.addTokens(tokens)).toThrow(expect.objectContaining({ code: 'invalid-token' }));
    }
  });
});

describe('offsets', () => {
  it('are each token’s place in the text, the whole character for its parts', async () => {
    const tokenizer = await loadTokenizer({ folder: await modelFolder('llama3') });
    const text = 'The red 猫 is “naïve” 👩‍👩‍👧‍👦.';
    const { ids, offsets } = tokenizer.encode(text, { offsets: true });
    expect(offsets).toHaveLength(ids.length);
    expect(offsets![0]).toEqual([0, 0]);
    for (const [index, [start, end]] of offsets!.entries()) {
      if (index === 0) continue;
      const decoded = tokenizer.decode([ids[index]!]);
      if (decoded.includes('\ufffd')) expect([...text.slice(start, end).trim()]).toHaveLength(1);
      else expect(text.slice(start, end)).toBe(decoded);
      // No gap to the token before.
      expect(start).toBeLessThanOrEqual(index === 1 ? 0 : offsets![index - 1]![1]);
    }
    expect(offsets!.at(-1)![1]).toBe(text.length);
  });

  it('are left out where the tokens are not the text', async () => {
    const bert = await loadTokenizer({ folder: await modelFolder('bert-uncased') });
    expect(bert.encode('Upper  case', { offsets: true }).offsets).toBeUndefined();
    const words = trainWordLevelTokenizer({ texts: ['a b'] });
    expect(words.encode('a b', { offsets: true }).offsets).toEqual([
      [0, 1],
      [1, 3],
    ]);
    expect(words.encode('a c', { offsets: true }).offsets).toBeUndefined();
  });
});

describe('encode and decode', () => {
  it('give byte-level text back, whatever it is', async () => {
    const tokenizer = await loadTokenizer({ folder: await modelFolder('gpt2') });
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }).map((text) => text.replace(/\p{Surrogate}/gu, '')),
        (text) => {
          const { ids } = tokenizer.encode(text, { parseSpecialTokens: false });
          expect(tokenizer.decode(ids)).toBe(text);
          const stream = tokenizer.decodeStream();
          expect(ids.map((id) => stream.push(id)).join('') + stream.finish()).toBe(text);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('find special tokens in the text, or on request do not', () => {
    const tokenizer = trainWordLevelTokenizer({ texts: ['a < / s >'] });
    expect(tokenizer.encode('a</s>').ids).toContain(tokenizer.endId);
    const { ids } = tokenizer.encode('a</s>', { parseSpecialTokens: false });
    expect(ids).not.toContain(tokenizer.endId);
  });

  it('leave begin and end tokens to the post-processor, whatever the settings say', async () => {
    const settings = { bos_token: { content: '<s>' }, eos_token: '</s>', add_bos_token: false, add_eos_token: true };
    const tokenizer = await loadTokenizer({ folder: await modelFolder('llama2', settings) });
    const { ids } = tokenizer.encode('a');
    expect([ids[0] === tokenizer.beginId, ids.at(-1) === tokenizer.endId]).toEqual([true, false]);
  });

  it('stream text without special tokens', () => {
    const tokenizer = trainWordLevelTokenizer({ texts: ['a b'] });
    const { ids } = tokenizer.encode('a</s> b');
    const stream = tokenizer.decodeStream({ skipSpecialTokens: true });
    expect(ids.map((id) => stream.push(id))).toEqual(['a', '', ' b']);
  });

  it('refuse what is no id, no token and no text', () => {
    const tokenizer = trainWordLevelTokenizer({ texts: ['a b'] });
    expect(tokenizer.decode([])).toBe('');
    expect(() => tokenizer.tokenOf(99)).toThrow(/no id 99; ids go from 0 to 5/);
    // Models have rows for more ids than there are tokens; those write nothing.
    const [first, second] = [tokenizer.idOf('a'), tokenizer.idOf(' b')];
    expect(tokenizer.decode([first, 99, second])).toBe('a b');
    const stream = tokenizer.decodeStream();
    expect(stream.push(first) + stream.push(99) + stream.push(second) + stream.finish()).toBe('a b');
    expect(() => tokenizer.decode([-1])).toThrow(TokenizerError);
    expect(() => tokenizer.idOf('zebra')).toThrow(/no token "zebra"/);
    expect(() => tokenizer.encode(undefined as unknown as string)).toThrow(/takes a text, not undefined/);
  });
});

describe('what transformers makes of odd folders', () => {
  // tooling/parity/random_tokenizers.py 7 300
  it('is made here too', async () => {
    const records = gunzipSync(await readFile(new URL('../test/fixtures/random-tokenizers.jsonl.gz', import.meta.url)))
      .toString('utf8')
      .trim()
      .split('\n')
      .map(
        (line) =>
          JSON.parse(line) as {
            files: Record<string, unknown>;
            expected?: {
              named: (number | null)[];
              size: number;
              texts: [string, number[] | string, number[], string, string][];
            };
            error?: string;
          },
      );
    expect(records.length).toBeGreaterThan(200);
    for (const { files, expected } of records) {
      if (expected === undefined) continue;
      const model = await mkdtemp(join(folder, 'odd-'));
      for (const [name, content] of Object.entries(files)) await writeFile(join(model, name), JSON.stringify(content));
      const tokenizer = await loadTokenizer({ folder: model });
      const label = JSON.stringify(files);
      expect(
        [[tokenizer.beginId ?? null, tokenizer.endId ?? null, tokenizer.paddingId ?? null], tokenizer.vocabularySize],
        label,
      ).toEqual([expected.named, expected.size]);
      for (const [text, ids, whole, decoded, skipped] of expected.texts) {
        if (typeof ids === 'string') {
          expect(() => tokenizer.encode(text), label).toThrow(TokenizerError);
          continue;
        }
        const own = tokenizer.encode(text, { addSpecialTokens: false }).ids;
        expect(
          [
            own,
            tokenizer.encode(text).ids,
            tokenizer.decode(own),
            tokenizer.decode([...own, 500], { skipSpecialTokens: true }),
          ],
          `${JSON.stringify(text)} ${label}`,
        ).toEqual([ids, whole, decoded, skipped]);
      }
    }
  });
});

describe('fix_mistral_regex in tokenizer_config.json', () => {
  // As transformers 5.18 took these folders: whether it put Mistral's split in the place of the folder's own.
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
  const split = (Regex: string) => ({ type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false });
  const sequence = { type: 'Sequence', pretokenizers: [split('.+'), bytes] };
  const before5 = { model_type: 'mistral', transformers_version: '4.50.0' };
  it.each<[name: string, fixed: boolean, config: object | undefined, own?: object, settings?: object, tokens?: number]>(
    [
      ['of a version before 5', true, before5],
      ['of no version', true, { model_type: 'mistral' }],
      ['of version 5', false, { ...before5, transformers_version: '5.0.0' }],
      ['of a version on the way to 5', true, { ...before5, transformers_version: '5.0.0.dev0' }],
      ['of another family', false, { ...before5, model_type: 'llama' }],
      ['of another family and no version', true, { model_type: 'llama' }],
      ['of no family', true, { transformers_version: '4.50.0' }],
      ['without a config.json', false, undefined],
      ['of few tokens', false, before5, sequence, undefined, 99_997],
      ['that does not ask for it', false, before5, sequence, {}],
      ['that asks for the opposite', false, before5, sequence, { fix_mistral_regex: false }],
      ['that splits by bytes alone', true, before5, bytes],
      ['of Pixtral', true, { ...before5, model_type: 'pixtral' }],
    ],
  )('mends a folder %s: %s', async (_, fixed, config, own = sequence, settings = undefined, tokens = 100_000) => {
    const path = await mkdtemp(join(folder, 'mistral-'));
    const vocab = Object.fromEntries(Array.from({ length: tokens }, (_, index) => [`t${index}`, index]));
    Object.assign(vocab, { '12': tokens, '1': 0, '2': 1 });
    const files = {
      'tokenizer.json': { pre_tokenizer: own, model: { type: 'WordLevel', vocab, unk_token: 't9' } },
      'tokenizer_config.json': settings ?? { fix_mistral_regex: true },
      ...(config === undefined ? {} : { 'config.json': config }),
    };
    for (const [name, content] of Object.entries(files)) await writeFile(join(path, name), JSON.stringify(content));
    // Mistral's split takes digits one by one.
    expect((await loadTokenizer({ folder: path })).encode('12').ids).toEqual(fixed ? [0, 1] : [tokens]);
  });
});

describe('patterns that a backtracking engine never comes back from', () => {
  const text = `${'a'.repeat(40)}!`;
  const normalizer = (Regex: string) => ({ normalizer: { type: 'Replace', pattern: { Regex }, content: '' } });
  const split = (Regex: string) => ({ pre_tokenizer: { type: 'Split', pattern: { Regex }, behavior: 'Isolated' } });
  it.each<[string, object, string[]]>([
    ['Split, no match', split('(a+)+$'), [text]],
    ['Split, a match', split('(a|aa)+!'), [text]],
    ['Split of words', split('(\\w+\\s?)*$'), [text]],
    ['Split that looks ahead', split('(?=(a+)+b)a'), [text]],
    ['Replace, no match', normalizer('(a|a)*b'), [text]],
    ['Replace, a match', normalizer('(a+)+(?=!)'), ['!']],
  ])('find what they should: %s', async (_, parts, pieces) => {
    const path = await mkdtemp(join(folder, 'backtracking-'));
    const vocab = { '[UNK]': 0, [text]: 1, '!': 2, a: 3 };
    await writeFile(
      join(path, 'tokenizer.json'),
      JSON.stringify({ ...parts, model: { type: 'WordLevel', vocab, unk_token: '[UNK]' } }),
    );
    const tokenizer = await loadTokenizer({ folder: path });
    const started = performance.now();
    expect(tokenizer.encode(text).ids.map((id) => tokenizer.tokenOf(id))).toEqual(pieces);
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe('long texts', () => {
  const text = 'hello world '.repeat(16_667);
  const model = (type: string, more: Record<string, unknown>): unknown => ({ model: { type, ...more } });
  it.each<[string, unknown]>([
    [
      'Unigram',
      model('Unigram', {
        vocab: [
          ['a', -1],
          ['h', -2],
          ['ello', -2],
          [' ', -1],
        ],
        unk_id: 0,
      }),
    ],
    [
      'BPE',
      model('BPE', {
        vocab: { h: 0, e: 1, l: 2, o: 3, he: 4, hel: 5 },
        merges: [
          ['h', 'e'],
          ['he', 'l'],
        ],
        unk_token: 'h',
      }),
    ],
    ['WordPiece', model('WordPiece', { vocab: { '[UNK]': 0, hello: 1 }, unk_token: '[UNK]' })],
    [
      'WordLevel',
      {
        pre_tokenizer: { type: 'Whitespace' },
        ...(model('WordLevel', { vocab: { hello: 0, world: 1 }, unk_token: 'hello' }) as object),
      },
    ],
    [
      'Split',
      {
        pre_tokenizer: { type: 'Split', pattern: { Regex: '(?=w)(o|w)+|\\s*x|\\b' }, behavior: 'Isolated' },
        ...(model('WordLevel', { vocab: { hello: 0 }, unk_token: 'hello' }) as object),
      },
    ],
    [
      'Replace and Strip',
      {
        normalizer: {
          type: 'Sequence',
          normalizers: [
            { type: 'Replace', pattern: { Regex: '(l+)+x' }, content: '' },
            { type: 'Strip', strip_left: true, strip_right: true },
          ],
        },
        ...(model('WordLevel', { vocab: { hello: 0 }, unk_token: 'hello' }) as object),
      },
    ],
  ])(
    'take a time that grows with them: %s',
    async (_, file) => {
      const path = await mkdtemp(join(folder, 'long-'));
      await writeFile(join(path, 'tokenizer.json'), JSON.stringify(file));
      const tokenizer = await loadTokenizer({ folder: path });
      const started = performance.now();
      for (const long of [text, 'é'.repeat(130_000), `${' '.repeat(130_000)}h`])
        expect(tokenizer.encode(long).ids.length).toBeGreaterThan(0);
      expect(performance.now() - started).toBeLessThan(10_000);
    },
    30_000,
  );

  it('go through a precompiled map in pieces', async () => {
    const tokenizer = await loadTokenizer({ folder: await modelFolder('unigram-precompiled') });
    const started = performance.now();
    for (const long of [text, '猫é'.repeat(60_000), `a${'\u0301'.repeat(2000)}`.repeat(5)])
      expect(tokenizer.encode(long).ids.length).toBeGreaterThan(0);
    expect(performance.now() - started).toBeLessThan(10_000);
  }, 30_000);
});

describe('loadTokenizer', () => {
  it('reads the files beside tokenizer.json', async () => {
    const model = await modelFolder(
      'gpt2',
      { model_max_length: 1024, chat_template: 'old', extra_special_tokens: ['<late>'] },
      {
        'special_tokens_map.json': '{"eos_token":"<|endoftext|>"}',
        'chat_template.jinja': '{{ eos_token }}{{ messages[0].content }}',
      },
    );
    await mkdir(join(model, 'additional_chat_templates'));
    await writeFile(join(model, 'additional_chat_templates', 'tool_use.jinja'), 'tools');
    const tokenizer = await loadTokenizer({ folder: model });
    expect(tokenizer.maximumLength).toBe(1024);
    expect(tokenizer.endId).toBe(tokenizer.idOf('<|endoftext|>'));
    expect(tokenizer.idOf('<late>')).toBe(tokenizer.vocabularySize - 1);
    expect(tokenizer.applyChatTemplate([{ role: 'user', content: 'hi' }])).toBe('<|endoftext|>hi');
    await tokenizer.save({ folder: join(model, 'copy') });
    const copy = await loadTokenizer({ folder: join(model, 'copy') });
    expect(copy.chatTemplateNames).toEqual(['default', 'tool_use']);
    expect(copy.encode('a<late>b')).toEqual(tokenizer.encode('a<late>b'));
    expect(JSON.parse(await readFile(join(model, 'copy', 'tokenizer.json'), 'utf8')).model.merges).toEqual(
      JSON.parse(await readFile(join(model, 'tokenizer.json'), 'utf8')).model.merges,
    );
  });

  it.skipIf(process.platform === 'win32')(
    'is saved in place of links, not where they lead, and leaves no other file',
    async () => {
      const target = join(folder, 'linked');
      await mkdir(target);
      await writeFile(join(folder, 'elsewhere.json'), 'not ours');
      await symlink(join(folder, 'elsewhere.json'), join(target, 'tokenizer.json'));
      await trainWordLevelTokenizer({ texts: ['one two'] }).save({ folder: target });
      expect(await readFile(join(folder, 'elsewhere.json'), 'utf8')).toBe('not ours');
      expect((await readdir(target)).sort()).toEqual([
        'special_tokens_map.json',
        'tokenizer.json',
        'tokenizer_config.json',
      ]);
      expect((await loadTokenizer({ folder: target })).encode('two').ids).toHaveLength(1);
    },
  );

  it('names what is missing or broken, and where', async () => {
    await expect(loadTokenizer({ folder: join(folder, 'nowhere') })).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('nowhere'),
    });
    const old = await mkdtemp(join(folder, 'old-'));
    await writeFile(join(old, 'vocab.json'), '{}');
    await expect(loadTokenizer({ folder: old })).rejects.toThrow(
      /no tokenizer\.json; it has vocab\.json.*save_pretrained/,
    );
    const write = async (text: string, settings = '{}') => {
      await writeFile(join(old, 'tokenizer.json'), text);
      await writeFile(join(old, 'tokenizer_config.json'), settings);
      return loadTokenizer({ folder: old });
    };
    const model = { type: 'WordLevel', vocab: { a: 0 }, unk_token: 'a' };
    const cases: [string, string, RegExp][] = [
      ['{', 'invalid-file', /tokenizer\.json is not JSON/],
      ['[]', 'invalid-file', /not a JSON object/],
      ['{}', 'invalid-file', /no "model"/],
      ['{"model":{"type":"BPE"}}', 'invalid-file', /no "vocab"/],
      ['{"model":{"type":"BPE","vocab":{"a":0}}}', 'invalid-file', /no "merges"/],
      ['{"model":{"type":"WordLevel","vocab":{"a":-1}}}', 'invalid-file', /the id -1/],
      ['{"model":{"type":"WordLevel","vocab":{"a":1.5}}}', 'invalid-file', /the id 1.5/],
      [JSON.stringify({ model, decoder: 3 }), 'invalid-file', /"decoder" is not an object/],
      [JSON.stringify({ model, added_tokens: [{ content: 'x' }] }), 'invalid-file', /added token 0/],
      [JSON.stringify({ model: { ...model, type: 'Quantum' } }), 'unsupported-component', /model "Quantum"/],
      [JSON.stringify({ model, normalizer: { type: 'Rot13' } }), 'unsupported-component', /normalizer "Rot13"/],
      [
        JSON.stringify({ model, pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Moses' }] } }),
        'unsupported-component',
        /pre-tokenizer "Moses"/,
      ],
      [
        JSON.stringify({ model, pre_tokenizer: { type: 'Split', pattern: { Regex: '(' }, behavior: 'Isolated' } }),
        'unsupported-component',
        /not a regular expression of Oniguruma/,
      ],
      [JSON.stringify({ model, decoder: { type: 'Rot13' } }), 'unsupported-component', /decoder "Rot13"/],
      [JSON.stringify({ model, post_processor: { type: 'Rot13' } }), 'unsupported-component', /post-processor "Rot13"/],
      [
        JSON.stringify({ model: { ...model, type: 'BPE', merges: [], dropout: 0.1 } }),
        'unsupported-component',
        /dropout/,
      ],
      [
        JSON.stringify({ model: { ...model, type: 'BPE', merges: [['a', 'b']] } }),
        'invalid-file',
        /merge \["a","b"\] uses or produces/,
      ],
      [
        JSON.stringify({ model: { ...model, type: 'BPE', merges: 3 } }),
        'invalid-file',
        /"merges" of the BPE model is not a list/,
      ],
      [
        JSON.stringify({ model: { ...model, vocab: { a: 4e9 } } }),
        'invalid-file',
        /the highest supported id is 16777215/,
      ],
      [
        JSON.stringify({ model, added_tokens: [{ content: 'x', id: 4e9 }] }),
        'invalid-file',
        /the highest supported id is 16777215/,
      ],
      [
        JSON.stringify({ model: { type: 'Unigram', vocab: [], unk_id: 0 } }),
        'invalid-file',
        /names an unknown token but has none/,
      ],
      [JSON.stringify({ model: { type: 'Unigram', vocab: [['a', 0]], unk_id: 99 } }), 'invalid-file', /unk_id 99/],
      [JSON.stringify({ model: { type: 'Unigram', vocab: [null] } }), 'invalid-file', /entry 0/],
      [
        JSON.stringify({ model, normalizer: { type: 'Sequence', normalizers: 'NFC' } }),
        'invalid-file',
        /"normalizers".*not a list/,
      ],
      [
        JSON.stringify({ model, normalizer: { type: 'Sequence', normalizers: [null] } }),
        'invalid-file',
        /list of objects/,
      ],
      [
        JSON.stringify({ model, normalizer: { type: 'constructor' } }),
        'unsupported-component',
        /normalizer "constructor"/,
      ],
      [
        JSON.stringify({ model, normalizer: { type: 'Precompiled', precompiled_charsmap: '*' } }),
        'invalid-file',
        /not base64/,
      ],
      [
        JSON.stringify({ model, pre_tokenizer: { type: 'Split', pattern: 3, behavior: 'Isolated' } }),
        'invalid-file',
        /"pattern".*"String" or "Regex"/,
      ],
      [
        JSON.stringify({ model, post_processor: { type: 'TemplateProcessing', single: [null], special_tokens: {} } }),
        'invalid-file',
        /part that is not an object/,
      ],
      [
        JSON.stringify({ model, post_processor: { type: 'BertProcessing', sep: null, cls: 3 } }),
        'invalid-file',
        /"sep"/,
      ],
      [`{"model":${'['.repeat(10_000)}${']'.repeat(10_000)}}`, 'invalid-file', /nests deeper/],
    ];
    for (const [text, code, message] of cases) {
      await expect(write(text), text).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    }
    await expect(write(JSON.stringify({ model }), '[1]')).rejects.toMatchObject({
      code: 'invalid-file',
      message: expect.stringContaining('tokenizer_config.json'),
    });
    const tokenizer = await write(JSON.stringify({ model: { ...model, unk_token: undefined } }));
    expect(() => tokenizer.encode('b')).toThrow(expect.objectContaining({ code: 'unknown-word' }));
    expect(tokenizer).toBeInstanceOf(Tokenizer);
  });

  it.skipIf(process.platform === 'win32')(
    'does not wait for pipes, nor read devices or files without end',
    async () => {
      for (const name of [
        'tokenizer.json',
        'tokenizer_config.json',
        'special_tokens_map.json',
        'added_tokens.json',
        'chat_template.json',
        'chat_template.jinja',
        'additional_chat_templates/tool.jinja',
      ]) {
        const target = await modelFolder('gpt2');
        const path = join(target, name);
        await mkdir(dirname(path), { recursive: true });
        for (const make of [
          () => execFileSync('mkfifo', [path]),
          () => symlink('/dev/zero', path),
          () => writeFile(path, '{').then(() => truncate(path, 200e9)),
        ]) {
          await rm(path, { force: true });
          await make();
          await expect(loadTokenizer({ folder: target }), name).rejects.toMatchObject({
            name: 'TokenizerError',
            code: 'invalid-file',
            message: expect.stringContaining(path) as string,
          });
        }
      }
    },
  );
});
