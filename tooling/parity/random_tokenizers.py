"""Odd tokenizer folders with what transformers makes of them, one JSON object a line.

    python tooling/parity/random_tokenizers.py SEED COUNT > tokenizers.jsonl

Each line: files (by name), and expected: the named ids, the size, and for some texts the ids without and with special
tokens and the decoded text; or error, where transformers refuses the folder. The recorded subset,
packages/tokenizer/test/fixtures/random-tokenizers.jsonl.gz, is SEED 7, COUNT 300.
"""
import json, os, random, sys, tempfile, warnings
os.environ['TRANSFORMERS_VERBOSITY'] = 'critical'
warnings.simplefilter('ignore')
from transformers import AutoTokenizer

seed, count = int(sys.argv[1]), int(sys.argv[2])
random.seed(seed)
pick = random.choice
SPECIAL = ['<s>', '</s>', '[PAD]', '<unk>', '<image>', '<q>', 'The', 'a b', '<|x|>']
ALPHABET = ['a', 'b', 'c', 'A', 'B', ' ', '1', '2', '3', 'é', '▁', '.', 'ß', '猫', '😀', '\n']
PIECES = ['<s>', '</s>', '[PAD]', '<image>', '<q>', 'The', 'a b', 'ab', 'abc', 'Ab', ' ', '  ', '12', '1234567', 'é', 'e\u0301', '猫', '😀', '.', '\n', 'x', 'a', 'b', 'cab', 'ﬁ', 'ΣΑΣ', '\u00a0', '<n>']

def text(): return ''.join(pick(PIECES) for _ in range(random.choice([0, 1, 2, 4, 7])))

def token(content, id=None, flags=0.3):
    t = {'content': content, 'single_word': random.random() < flags * 0.5, 'lstrip': random.random() < flags, 'rstrip': random.random() < flags, 'normalized': random.random() < 0.4, 'special': random.random() < 0.7}
    return t if id is None else {'id': id, **t}

def vocabulary():
    words = [c for c in ALPHABET if random.random() < 0.85] or ['a']
    words += [w for w in ['ab', 'abc', 'Ab', 'ca', 'cab', '▁a', '▁ab', '12', '##b', '##ab', '##c', '1', '<unk>', '</s>', 'a</w>', 'b</w>', 'ab</w>'] if random.random() < 0.5 and w not in words]
    return words

def model():
    kind = pick(['BPE', 'BPE', 'BPE', 'Unigram', 'WordLevel', 'WordPiece'])
    words = vocabulary()
    if kind == 'Unigram':
        vocab = [['<unk>', 0.0]] + [[w, round(-random.random() * 8, 2)] for w in words if w != '<unk>']
        if random.random() < 0.2: vocab += [[f'<0x{b:02X}>', -9.0] for b in range(256)]
        return {'type': kind, 'unk_id': 0, 'vocab': vocab, 'byte_fallback': random.random() < 0.3}
    if kind != 'BPE' and '<unk>' not in words: words.append('<unk>')
    m = {'type': kind, 'vocab': {w: i for i, w in enumerate(words)}}
    if kind == 'WordLevel': return {**m, 'unk_token': '<unk>'}
    if kind == 'WordPiece': return {**m, 'unk_token': '<unk>', 'continuing_subword_prefix': '##', 'max_input_chars_per_word': pick([100, 4])}
    suffix = pick([None, None, None, '</w>'])
    prefix = pick([None, None, None, None, '##'])
    merges = []
    for a in words:
        for b in words:
            made = a + (b[len(prefix):] if prefix else b)
            if prefix and not b.startswith(prefix): continue
            if made in words and random.random() < 0.8: merges.append([a, b])
    random.shuffle(merges)
    if random.random() < 0.2: merges = [' '.join(x) for x in merges if ' ' not in x[0] + x[1]]
    unk = '<unk>' if '<unk>' in words and random.random() < 0.6 else None
    return {**m, 'dropout': None, 'unk_token': unk, 'continuing_subword_prefix': prefix, 'end_of_word_suffix': suffix, 'fuse_unk': random.random() < 0.4, 'byte_fallback': random.random() < 0.1, 'ignore_merges': random.random() < 0.2, 'merges': merges}

EXPRESSIONS = ['(?=[A-Z])', '\\b', '$', '\\d{1,3}(?=(\\d{3})*\\b)', '(?=(\\d{3})+(?!\\d))', 'a+', '(?i:ab)', '\\s+', '[^a]', 'a|', '(?<=a)', '\\p{L}++', '^', ' ?\\w+', '(?!b)', '(?i)É', '\\h']
def pattern(): return pick([{'String': pick(['a', ' ', 'ab', '.', '▁'])}, {'Regex': pick(EXPRESSIONS)}, {'Regex': pick(EXPRESSIONS)}])
def normalizer(depth=0):
    return pick([None, None, None, lambda: {'type': pick(['NFC', 'NFD', 'NFKC', 'NFKD', 'Lowercase', 'StripAccents'])}, lambda: {'type': 'Replace', 'pattern': pattern(), 'content': pick(['', 'b', '▁', 'xx'])}, lambda: {'type': 'Prepend', 'prepend': '▁'}, lambda: {'type': 'Strip', 'strip_left': pick([True, False]), 'strip_right': pick([True, False])}, lambda: {'type': 'BertNormalizer', 'clean_text': True, 'handle_chinese_chars': True, 'strip_accents': pick([None, True, False]), 'lowercase': pick([True, False])}, lambda: {'type': 'Sequence', 'normalizers': [made(normalizer(1)), made(normalizer(1))]}] if depth == 0 else [lambda: {'type': 'Lowercase'}, lambda: {'type': 'Replace', 'pattern': pattern(), 'content': pick(['', 'b', '▁'])}])
def made(x):
    x = x() if callable(x) else x
    return made(x) if callable(x) else x
def pre_tokenizer(depth=0):
    one = [lambda: {'type': 'Split', 'pattern': pattern(), 'behavior': pick(['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous']), 'invert': random.random() < 0.3}, lambda: {'type': 'Split', 'pattern': pattern(), 'behavior': pick(['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous']), 'invert': False}, lambda: {'type': pick(['Whitespace', 'WhitespaceSplit', 'BertPreTokenizer'])}, lambda: {'type': 'Digits', 'individual_digits': pick([True, False])}, lambda: {'type': 'Punctuation', 'behavior': pick(['Removed', 'Isolated', 'Contiguous'])}, lambda: {'type': 'Metaspace', 'replacement': '▁', 'prepend_scheme': pick(['always', 'never', 'first']), 'split': pick([True, False])}, lambda: {'type': 'CharDelimiterSplit', 'delimiter': 'b'}]
    if depth == 0: one += [None, None, lambda: {'type': 'Sequence', 'pretokenizers': [made(pre_tokenizer(1)), made(pre_tokenizer(1))]}]
    return pick(one)
def decoder(): return pick([None, {'type': 'Fuse'}, {'type': 'Metaspace', 'replacement': '▁', 'prepend_scheme': 'always', 'split': True}, {'type': 'WordPiece', 'prefix': '##', 'cleanup': True}, {'type': 'BPEDecoder', 'suffix': '</w>'}, {'type': 'CTC', 'pad_token': '[PAD]', 'word_delimiter_token': '|', 'cleanup': True}, {'type': 'Sequence', 'decoders': [{'type': 'Replace', 'pattern': {'String': '▁'}, 'content': ' '}, {'type': 'ByteFallback'}, {'type': 'Fuse'}, {'type': 'Strip', 'content': ' ', 'start': 1, 'stop': 0}]}, {'type': 'Replace', 'pattern': {'Regex': 'a+'}, 'content': 'A'}])

def named(setting):
    for name in ['bos_token', 'eos_token', 'unk_token', 'pad_token', 'cls_token']:
        if random.random() < 0.35:
            content = pick(SPECIAL)
            setting[name] = pick([content, content, content, None, {**token(content), '__type': 'AddedToken'}])

def folder():
    m = model()
    size = len(m['vocab'])
    added = []
    for i, content in enumerate(random.sample(SPECIAL, random.randint(0, 4))):
        own = m['vocab'].get(content) if isinstance(m['vocab'], dict) else next((k for k, (w, _) in enumerate(m['vocab']) if w == content), None)
        if own is None: own, size = size, size + 1
        added.append(token(content, own))
    n, p, d = made(normalizer()), made(pre_tokenizer()), decoder()
    post = None
    if added and random.random() < 0.5:
        t = pick(added)
        post = {'type': 'TemplateProcessing', 'single': [{'SpecialToken': {'id': t['content'], 'type_id': 0}}, {'Sequence': {'id': 'A', 'type_id': 0}}], 'pair': [{'Sequence': {'id': 'A', 'type_id': 0}}, {'Sequence': {'id': 'B', 'type_id': 0}}], 'special_tokens': {t['content']: {'id': t['content'], 'ids': [t['id']], 'tokens': [t['content']]}}}
    files = {'tokenizer.json': {'version': '1.0', 'truncation': None, 'padding': None, 'added_tokens': added, 'normalizer': n, 'pre_tokenizer': p, 'post_processor': post, 'decoder': d, 'model': m}}
    settings = {'tokenizer_class': 'PreTrainedTokenizerFast'}
    named(settings)
    for key, values in {'add_bos_token': [True, False], 'add_eos_token': [True, False], 'split_special_tokens': [True, False], 'additional_special_tokens': [['<q>'], ['<s>', '<n>'], []], 'extra_special_tokens': [{'image_token': '<image>'}, ['<q>', '<n>'], []], 'clean_up_tokenization_spaces': [True, False]}.items():
        if random.random() < 0.2: settings[key] = pick(values)
    if random.random() < 0.35: settings['added_tokens_decoder'] = {str(pick([x['id'], x['id'], x['id'] + 40])): token(x['content']) for x in added if random.random() < 0.8} | ({'90': token('<late>')} if random.random() < 0.3 else {})
    files['tokenizer_config.json'] = settings
    if random.random() < 0.35:
        files['special_tokens_map.json'] = {}
        named(files['special_tokens_map.json'])
        files['special_tokens_map.json'] = {k: v for k, v in files['special_tokens_map.json'].items() if v is not None}
        for v in files['special_tokens_map.json'].values():
            if isinstance(v, dict): v.pop('__type'), v.pop('special')
        if random.random() < 0.2: files['special_tokens_map.json']['additional_special_tokens'] = ['<q>']
    if random.random() < 0.2: files['added_tokens.json'] = {pick(['<n>', '<q>', '</s>']): size + random.randint(0, 2)}
    return files

done = 0
while done < count:
    files = folder()
    record = {'files': files}
    with tempfile.TemporaryDirectory() as path:
        for name, content in files.items():
            with open(os.path.join(path, name), 'w') as f: json.dump(content, f)
        try:
            t = AutoTokenizer.from_pretrained(path)
            # Which of two tokens is found that are one text when normalised, differs from run to run.
            n = t.backend_tokenizer.normalizer
            if n and len({n.normalize_str(x.content) for x in t.added_tokens_decoder.values()}) < len(t.added_tokens_decoder): continue
            named_ids = [None if t.__getattr__(k) is None else t.convert_tokens_to_ids(t.__getattr__(k)) for k in ('bos_token', 'eos_token', 'pad_token')]
            vocab = t.get_vocab()
            record['expected'] = {'named': named_ids, 'size': max(vocab.values()) + 1, 'texts': []}
            for _ in range(6):
                x = text()
                try:
                    ids = t(x, add_special_tokens=False)['input_ids']
                    record['expected']['texts'].append([x, ids, t(x)['input_ids'], t.decode(ids), t.decode(ids + [500], skip_special_tokens=True)])
                except Exception as error:
                    record['expected']['texts'].append([x, f'{type(error).__name__}: {error}'[:80]])
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt): raise
            if random.random() > 0.2: continue
            record['error'] = f'{type(error).__name__}: {error}'[:120]
    print(json.dumps(record, ensure_ascii=False)); done += 1
