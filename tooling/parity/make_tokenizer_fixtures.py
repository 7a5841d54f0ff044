"""Makes the fixtures of packages/tokenizer: a sample of mixed text, tokenizers of every kind trained on it, and what the
reference (Hugging Face tokenizers, in Rust) makes of each line, as hashes.

    python tooling/parity/make_tokenizer_fixtures.py    # tokenizers, sentencepiece and protobuf from PyPI

The same seed makes the same sample; tokenizers are trained anew, so ids may move with the library's version.
"""

import gzip
import json
import random
import struct
import tempfile
import unicodedata
from collections import Counter
from pathlib import Path

import sentencepiece
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

OUT = Path(__file__).resolve().parents[2] / "packages" / "tokenizer" / "test" / "fixtures"
LINES = 10_500

WORDS = {
    "english": "the of and a to in is you that it he was for on are with as his they at be this have from or one had by word but not what all were we when your can said there use an each which she do how their if will up other about out many then them these so some her would make like him into time has look two more write go see number no way could people my than first water been call who oil its now find long down day did get come made may part shape circle triangle square left right above below reasoning thought hidden latent".split(),
    "german": "der die und in den von zu das mit sich des auf für ist im dem nicht ein Die eine als auch es an werden aus er hat daß sie nach wird bei Straße größer Übermut schön Füße".split(),
    "french": "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se Le ce il sont naïve cœur été où garçon l’été aujourd’hui".split(),
    "turkish": "bir ve bu da için İstanbul ışık değil çok İĞNE ığdır şimdi".split(),
    "vietnamese": "và của là có được người trong một đã không Việt Nam tiếng những với".split(),
    "greek": "και το να της είναι για με ΟΔΟΣ ΣΟΦΌΣ λόγος ἀρχή Σίσυφος".split(),
    "russian": "и в не на я быть он с что а по это она этот к но они мы весь который ёлка Москва".split(),
    "arabic": "في من على أن إلى هذا التي كان العربية ٱلسَّلَامُ ١٢٣".split(),
    "hebrew": "של את על לא הוא שָׁלוֹם עולם".split(),
    "hindi": "के में है की से को और हिन्दी नमस्ते क्षत्रिय १२३".split(),
    "thai": "การ ที่ และ ใน เป็น ภาษาไทย น้ำ".split(),
    "chinese": "的 一 是 在 不 了 有 和 人 这 中文 学习 𠮷野家 龍".split(),
    "japanese": "の に は を た が で て と し 日本語 ひらがな カタカナ ﾊﾝｶｸ ば が".split(),
    "korean": "이 그 저 것 수 한국어 안녕하세요 각 값".split(),
    "georgian": "და არის ქართული Ა".split(),
    "amharic": "ነው እና አማርኛ".split(),
}
EMOJI = "😀 😂 👍 👍🏽 👩‍👩‍👧‍👦 🇩🇪 ❤️ ✅ 🥲 🫠 🧑‍🚀 ☃️ 1️⃣ 🏴󠁧󠁢󠁳󠁣󠁴󠁿".split()
SPACES = [" ", "  ", "   ", "\t", "\t\t", " \t", "\u00a0", "\u3000", "\u2009", "\u200b", "\u2028", "\x0b", "\x0c", "\x85", "\ufeff", "\r", "      "]
SYMBOLS = list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~§¶•…–—“”‘’«»¿¡°±×÷√∞≈≠≤≥→←↑↓€£¥₹©®™½²³¼ﬁﬂ①Ⅷ㎏℃") + ["...", "--", "->", "=>", "!=", "//", "/*", "*/", "::", "''", "``"]
CODE = [
    "def {a}({b}, {c}=None):", "    return {a}[{n}:{n}] + {b}", "for (let {a} = 0; {a} < {n}; {a}++) {{", "\tif ({a} !== {b}) {{ {c}(); }}",
    "const {a} = async ({b}) => await {c}.{a}({n});", "#include <{a}.h>", "SELECT {a}, COUNT(*) FROM {b} WHERE {c} >= {n} GROUP BY {a};",
    "{{\"{a}\": [{n}, {n}.{n}], \"{b}\": null}}", "<div class=\"{a}-{b}\">{c}</div>", "https://{a}.example.org/{b}?{c}={n}&x=%20#{a}",
    "{a}_{b}__{c} = 0x{n}ff + 1e-{n}", "\\begin{{{a}}} $\\frac{{{n}}}{{x_{n}}}$", "{a}@{b}.com", "\x1b[31m{a}\x1b[0m", "C:\\{a}\\{b}.txt",
]
CONTRACTIONS = "don't can't I'm you're we've he'll it's she'd DON'T I'M WE'LL 'tis o'clock rock'n'roll y'all'd've".split()
TOKENS = ["<|begin|>", "<|end|>", "<SUMMARY>", "</SUMMARY>", "<|reserved_special_token_3|>", "<wide>", "solo", "[MASK]", "<unk>", "</s>"]


def line(random_: random.Random) -> str:
    kind = random_.random()
    if kind < 0.12:
        a, b, c = (random_.choice(WORDS["english"]) + random_.choice(["", "_x", "Id", "2"]) for _ in range(3))
        return random_.choice(CODE).format(a=a, b=b, c=c, n=random_.choice([0, 7, 12, 345, 2024, 99999, 1234567]))
    if kind < 0.2:
        # Any code points that had a meaning in Unicode 3.2, and some that never will: the reference and the various
        # versions of Node follow different versions of Unicode, and newer characters come out differently.
        ranges = [(1, 0x7F), (0x80, 0x24F), (0x250, 0x7FF), (0x800, 0x1FFF), (0x2000, 0x2BFF), (0x3000, 0x9FFF), (0xA000, 0xD7FF), (0xE000, 0xFFFD), (0xFDD0, 0xFDEF), (0x10300, 0x1032F), (0x1D000, 0x1D7FF), (0x20000, 0x2FA1F), (0xE0020, 0xE007F), (0xE0FF0, 0xE0FFF), (0x10FFF0, 0x10FFFF)]
        letters = []
        while len(letters) < random_.randint(1, 18):
            low, high = random_.choice(ranges)
            letter = chr(random_.randint(low, high))
            if unicodedata.ucd_3_2_0.category(letter) != "Cn" or unicodedata.category(letter) == "Cn" and ord(letter) & 0xFFFE in (0xFFFE, 0xFDD0):
                letters.append(letter)
        return "".join(letters).replace("\n", " ")
    languages = [random_.choice(list(WORDS))] if random_.random() < 0.7 else random_.sample(list(WORDS), 3)
    parts = []
    for _ in range(random_.randint(1, 14)):
        choice = random_.random()
        if choice < 0.72:
            word = random_.choice(WORDS[random_.choice(languages)])
            change = random_.random()
            parts.append(word.upper() if change < 0.05 else word.capitalize() if change < 0.15 else word)
        elif choice < 0.80:
            parts.append(random_.choice([str(random_.randint(0, 10 ** random_.randint(1, 9))), f"{random_.random():.3f}", "1,234.56", "3rd", "x2y", "٤٢", "५", "１２"]))
        elif choice < 0.86:
            parts.append(random_.choice(SYMBOLS))
        elif choice < 0.90:
            parts.append(random_.choice(EMOJI))
        elif choice < 0.95:
            parts.append(random_.choice(CONTRACTIONS))
        elif choice < 0.975:
            parts.append("".join(random_.choice("bcdfghklmnprstvz") + random_.choice("aeiouäöü") for _ in range(random_.randint(1, 9))))
        else:
            parts.append(random_.choice(TOKENS))
    text = parts[0]
    for part in parts[1:]:
        separator = random_.random()
        text += (" " if separator < 0.82 else "" if separator < 0.9 else random_.choice([", ", ". ", "; "]) if separator < 0.96 else random_.choice(SPACES)) + part
    end = random_.random()
    text += random_.choice([".", "!", "?", "...", "。", "?!"]) if end < 0.5 else random_.choice(SPACES) if end < 0.54 else ""
    if random_.random() < 0.05:
        text = random_.choice(SPACES) + text
    return text


def sample() -> list[str]:
    random_ = random.Random(20260)
    lines = [line(random_) for _ in range(LINES - 6)]
    # Lines in the sample are parted by \n; these stand for the texts with one inside.
    lines += ["", " ", "a", "\u0301", "\U0001f600", "  lead and trail  "]
    return lines


def with_line_breaks(lines: list[str]) -> list[str]:
    """Every seventh line is read with the next as one text, so that line breaks occur inside. The tests do the same."""
    return [text + "\n" + lines[index + 1] + ("\r\n" if index % 2 else "\n\n") if index % 7 == 0 and index + 1 < len(lines) else text for index, text in enumerate(lines)]


GPT2 = None
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
O200K = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def byte_bpe(lines, pattern, vocabulary, specials=(), normalizer=None, ignore_merges=False):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pattern is None:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=list(specials), show_progress=False)
    tokenizer.train_from_iterator(lines, trainer)
    return tokenizer


def gpt2(lines):
    tokenizer = byte_bpe(lines, GPT2, 1500, ["<|endoftext|>"])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def llama3(lines):
    tokenizer = byte_bpe(lines, LLAMA3, 1800, ignore_merges=True)
    reserved = [f"<|reserved_special_token_{index}|>" for index in range(8)]
    tokenizer.add_special_tokens(["<|begin|>", "<|end|>", *reserved])
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|begin|> $A", pair="<|begin|> $A <|begin|> $B:1", special_tokens=[("<|begin|>", tokenizer.token_to_id("<|begin|>"))]),
    ])
    return tokenizer


def qwen2(lines):
    tokenizer = byte_bpe(lines, QWEN2, 1200, normalizer=normalizers.NFC())
    tokenizer.add_special_tokens(["<|end|>", AddedToken("<wide>", lstrip=True, rstrip=True), AddedToken("solo", single_word=True)])
    tokenizer.add_tokens([AddedToken("reasoning", normalized=True), AddedToken("<SUMMARY>", normalized=False, lstrip=True)])
    return tokenizer


def o200k(lines):
    return byte_bpe(lines, O200K, 1000)


def llama2(lines):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    # Trained on words, so that merges do not cross them; run without, as Llama 2 is.
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    byte_tokens = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=1600, special_tokens=["<unk>", "<s>", "</s>", *byte_tokens], limit_alphabet=200, show_progress=False)
    tokenizer.train_from_iterator(lines, trainer)
    data = json.loads(tokenizer.to_str())
    data["pre_tokenizer"] = None
    data["added_tokens"] = data["added_tokens"][:3]
    tokenizer = Tokenizer.from_str(json.dumps(data))
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B:1", special_tokens=[("<s>", 1)])
    return tokenizer


def mistral(lines):
    tokenizer = llama2(lines)
    tokenizer.normalizer = None
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme="first", split=False)
    tokenizer.add_tokens([AddedToken("hidden", normalized=True)])
    return tokenizer


def small_charsmap(lines) -> str:
    """A real double-array map, made by SentencePiece from a few hundred of its own rules."""
    with tempfile.TemporaryDirectory() as folder:
        rules = []
        for code in [*range(0xA0, 0x180), *range(0x2000, 0x2070), *range(0x2100, 0x2190), *range(0x2460, 0x2480), *range(0x3000, 0x3020), *range(0x3380, 0x33A0), *range(0xFB00, 0xFB07), *range(0xFF01, 0xFFA0)]:
            character = chr(code)
            normal = unicodedata.normalize("NFKC", character)
            if normal != character:
                rules.append((f"{code:X}", " ".join(f"{ord(other):X}" for other in normal)))
        rules += [("9", "20"), ("D A", "20"), ("200B", ""), ("E2 301", "1EA5"), ("65 301", "E9")]
        path = Path(folder) / "rules.tsv"
        path.write_text("".join(f"{source}\t{target}\n" for source, target in sorted(set(rules))))
        text = Path(folder) / "text.txt"
        text.write_text("\n".join(lines[:400]))
        sentencepiece.SentencePieceTrainer.train(input=str(text), model_prefix=str(Path(folder) / "m"), vocab_size=600, model_type="unigram", normalization_rule_tsv=str(path), hard_vocab_limit=False, character_coverage=0.98, minloglevel=2)
        from sentencepiece import sentencepiece_model_pb2 as model_pb2
        model = model_pb2.ModelProto()
        model.ParseFromString((Path(folder) / "m.model").read_bytes())
        return model.normalizer_spec.precompiled_charsmap


def unigram_precompiled(lines):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.Precompiled(small_charsmap(lines)), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace("▁", prepend_scheme="always")])
    tokenizer.decoder = decoders.Metaspace("▁", prepend_scheme="always")
    trainer = trainers.UnigramTrainer(vocab_size=1500, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False)
    # Only lines of common characters: the trainer wants a token for each.
    common = {character for character, count in Counter("".join(lines)).items() if count >= 60}
    tokenizer.train_from_iterator([text for text in lines if set(text) <= common], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)])
    return tokenizer


def unigram_bytes(lines):
    tokenizer = unigram_precompiled(lines)
    data = json.loads(tokenizer.to_str())
    score = min(score for _, score in data["model"]["vocab"])
    data["model"]["vocab"] = data["model"]["vocab"][:900] + [[f"<0x{byte:02X}>", score - 1] for byte in range(256)]
    data["model"]["byte_fallback"] = True
    data["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "Nmt"}, {"type": "NFKC"}, {"type": "Strip", "strip_left": False, "strip_right": True}]}
    data["pre_tokenizer"] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}
    data["decoder"] = {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}]}
    return Tokenizer.from_str(json.dumps(data))


def bert(lines, lowercase):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=12))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(cleanup=lowercase)
    trainer = trainers.WordPieceTrainer(vocab_size=1500, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused1]", "[unused2]"], limit_alphabet=400, show_progress=False)
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2)) if lowercase else processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


def clip(lines):
    tokenizer = Tokenizer(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(CLIP), "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=1500, end_of_word_suffix="</w>", initial_alphabet=alphabet, special_tokens=["<|startoftext|>", "<|endoftext|>"], show_progress=False)
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("<|endoftext|>", 1), ("<|startoftext|>", 0), trim_offsets=False, add_prefix_space=False)
    return tokenizer


def word_level(lines):
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Strip()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True)])
    tokenizer.train_from_iterator(lines, trainers.WordLevelTrainer(vocab_size=1500, special_tokens=["<unk>"], show_progress=False))
    return tokenizer


def splits(lines):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split("e", "merged_with_previous"),
        pre_tokenizers.Split(Regex("[aouäöü]+"), "merged_with_next"),
        pre_tokenizers.Split(Regex("[0-9]"), "contiguous"),
        pre_tokenizers.Punctuation("isolated"),
        pre_tokenizers.CharDelimiterSplit("n"),
        pre_tokenizers.Digits(individual_digits=False),
    ])
    tokenizer.decoder = decoders.BPEDecoder(suffix="</w>")
    tokenizer.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=900, special_tokens=["<unk>"], limit_alphabet=300, show_progress=False))
    return tokenizer


def hash_numbers(values) -> int:
    """FNV-1a over 32-bit numbers, each taken as a whole, folded to 16 bits to keep the fixtures small."""
    result = 0x811C9DC5
    for value in values:
        result = ((result ^ value) * 0x01000193) & 0xFFFFFFFF
    return (result >> 16) ^ (result & 0xFFFF)


def random_ids(index: int, size: int) -> list[int]:
    """Ids as the tests draw them, with a linear congruential generator."""
    state = (index * 2654435761 + 12345) & 0xFFFFFFFF
    ids = []
    for _ in range(1 + index % 24):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        ids.append((state >> 8) % size)
    return ids


def expectations(tokenizer: Tokenizer, texts: list[str]) -> bytes:
    encodings = tokenizer.encode_batch(texts)
    numbers = []
    for encoding in encodings:
        numbers.append(hash_numbers(encoding.ids))
        numbers.append(hash_numbers(tokenizer.decode(encoding.ids, skip_special_tokens=True).encode()))
    size = max(tokenizer.get_vocab().values()) + 1
    for index in range(600):
        ids = [value for value in random_ids(index, size) if tokenizer.id_to_token(value) is not None]
        numbers.append(hash_numbers(tokenizer.decode(ids, skip_special_tokens=False).encode()))
    return struct.pack(f"<{len(numbers)}H", *numbers)


def compressed(path: Path, data: bytes) -> None:
    path.write_bytes(gzip.compress(data, 9, mtime=0))


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    lines = sample()
    assert not any("\n" in text for text in lines)
    compressed(OUT / "sample.txt.gz", "\n".join(lines).encode())
    texts = with_line_breaks(lines)
    kinds = {
        "gpt2": gpt2, "llama3": llama3, "qwen2": qwen2, "o200k": o200k, "llama2": llama2, "mistral": mistral,
        "unigram-precompiled": unigram_precompiled, "unigram-bytes": unigram_bytes,
        "bert-uncased": lambda text: bert(text, True), "bert-cased": lambda text: bert(text, False),
        "clip": clip, "word-level": word_level, "splits": splits,
    }
    for name, make in kinds.items():
        tokenizer = make(lines)
        compressed(OUT / f"{name}.tokenizer.json.gz", tokenizer.to_str().encode())
        compressed(OUT / f"{name}.expected.gz", expectations(tokenizer, texts))
        print(name, tokenizer.get_vocab_size())
    (OUT / "SOURCE.md").write_text(
        f"Made by tooling/parity/make_tokenizer_fixtures.py with tokenizers {tokenizers.__version__} and sentencepiece {sentencepiece.__version__}.\n"
        f"sample.txt: {len(lines)} lines of generated text. NAME.expected: a little-endian uint16 for the ids and one for the decoded text\n"
        "of each line, then one for the decoded text of each of 600 draws of ids.\n"
    )


if __name__ == "__main__":
    main()
