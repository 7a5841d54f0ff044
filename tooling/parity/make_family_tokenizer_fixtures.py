"""Makes packages/tokenizer/test/fixtures/families.json.gz with Hugging Face's tokenizers.

Tokenizers put together as the published ones of Gemma, Phi-3, Mistral (SentencePiece and Tekken), Qwen3, OLMo-2 and
SmolLM3 are, over small vocabularies trained on the texts here, with the ids and texts that the reference gives.

    pip install tokenizers
    python tooling/parity/make_family_tokenizer_fixtures.py
"""

import gzip
import json
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

OUTPUT = Path(__file__).resolve().parents[2] / "packages" / "tokenizer" / "test" / "fixtures" / "families.json.gz"
BYTES = [f"<0x{value:02X}>" for value in range(256)]
CL100K = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN = CL100K.replace(r"\p{N}{1,3}", r"\p{N}")
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|"
    r"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEXTS = [
    "The red square is to the left of the blue circle, isn't it?",
    "Think step by step:\n\n  1. 12 + 345 = 357\n  2. so the answer is 357.",
    "  two spaces before, and after  ",
    "tabs\tand\r\nlines\n\n\n",
    "Größe, naïve, déjà vu, Ελληνικά, русский, 日本語, 한국어, हिन्दी, عربي",
    "emoji 🙂 👩‍👩‍👧 and ﬁne ligatures, e\u0301 composed and é",
    "snake_case camelCase HTTPServer x = y_1 // z; // end",
    "<start>user\nhello<end> then<end>  more",
    "",
    " ",
    "<0x41> is no byte",
]


def special(tokens, **settings):
    return [AddedToken(token, special=True, normalized=False, **settings) for token in tokens]


def trained(tokenizer, specials, **settings):
    tokenizer.train_from_iterator(TEXTS * 3, trainers.BpeTrainer(vocab_size=settings.pop("size", 460), special_tokens=specials, show_progress=False, **settings))
    return tokenizer


def with_bytes(specials, normalizer, pre_tokenizer, decoder, post, ignore_merges=False, rstrip=False):
    """SentencePiece's BPE: bytes stand for what the vocabulary lacks."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True, ignore_merges=ignore_merges))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    # Scripts beyond Latin stay out of the vocabulary, so that bytes are used.
    latin = [text for text in TEXTS if text.isascii()]
    tokenizer.train_from_iterator(latin * 3, trainers.BpeTrainer(vocab_size=420, special_tokens=[*specials, *BYTES], show_progress=False))
    state = json.loads(tokenizer.to_str())
    state["added_tokens"] = []
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.add_special_tokens(special(specials, rstrip=rstrip))
    tokenizer.decoder = decoder
    tokenizer.post_processor = post
    return tokenizer


def byte_level(specials, pattern, normalizer=None, ignore_merges=False, beginning=None):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    trained(tokenizer, special(specials), initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False) if beginning is None else begin(tokenizer, beginning)
    return tokenizer


def begin(tokenizer, token):
    return processors.TemplateProcessing(single=f"{token} $A", pair=f"{token} $A {token} $B:1", special_tokens=[(token, tokenizer.token_to_id(token))])


def fallback_decoder(strip):
    return decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *([decoders.Strip(" ", 1, 0)] if strip else [])])


def bos(index=1, token="<bos>"):
    return processors.TemplateProcessing(single=f"{token} $A", pair=f"{token} $A {token} $B:1", special_tokens=[(token, index)])


def main():
    marks = ["<start>", "<end>"]
    prepend = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    made = {
        # Gemma 2 and 3: spaces become marks, split before each, and no space is put in front.
        "gemma": with_bytes(["<unk>", "<bos>", *marks], normalizers.Replace(" ", "▁"), pre_tokenizers.Split(" ", "merged_with_previous"), fallback_decoder(False), bos()),
        # Phi-3: Llama 2's, special tokens swallow the white space after them.
        "phi3": with_bytes(["<unk>", "<bos>", *marks], prepend, None, fallback_decoder(True), bos(), rstrip=True),
        # Mistral 7B v0.3: a space in front of the first word alone.
        "mistral": with_bytes(["<unk>", "<bos>", *marks], None, pre_tokenizers.Metaspace("▁", "first", split=False), fallback_decoder(True), bos()),
        # Mistral Nemo, Ministral.
        "tekken": byte_level(["<unk>", "<s>", *marks], TEKKEN, ignore_merges=True, beginning="<s>"),
        "qwen3": byte_level(marks, QWEN, normalizer=normalizers.NFC()),
        "olmo2": byte_level(marks, CL100K),
        "smollm3": byte_level(["<s>", *marks], CL100K, ignore_merges=True, beginning="<s>"),
    }
    cases = {}
    for name, tokenizer in made.items():
        ids = [tokenizer.encode(text).ids for text in TEXTS]
        cases[name] = {
            "tokenizer": json.loads(tokenizer.to_str()),
            "ids": ids,
            "decoded": [tokenizer.decode(row, skip_special_tokens=False) for row in ids],
            "plain": [tokenizer.decode(row, skip_special_tokens=True) for row in ids],
        }
    data = json.dumps({"texts": TEXTS, "cases": cases}, ensure_ascii=False).encode()
    OUTPUT.write_bytes(gzip.compress(data, 9, mtime=0))
    print(OUTPUT.stat().st_size, {name: max(map(len, case["ids"])) for name, case in cases.items()})


if __name__ == "__main__":
    main()
