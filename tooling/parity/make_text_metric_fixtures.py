"""Makes packages/eval/fixtures/text-metrics.json.gz: pairs of texts with the scores of the originals.

Needs: pip install sacrebleu nltk rouge-score. Run from the repository's root:
  python tooling/parity/make_text_metric_fixtures.py
"""

import gzip
import importlib.metadata
import json
import random
from pathlib import Path

import nltk
import sacrebleu
from nltk.stem.porter import PorterStemmer
from nltk.translate.meteor_score import single_meteor_score
from rouge_score import rouge_scorer
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

OUT = "packages/eval/fixtures/text-metrics.json.gz"
random.seed(7)

SUBJECTS = ["the red circle", "a small blue square", "Every yumpus", "Natalia", "the man in the picture", "a triangle",
            "it", "the 3 dogs", "Tom", "the table's first row", "das große Haus", "le café", "图片", "Ελλάδα", "🙂 face"]
VERBS = ["is standing", "stands", "was placed", "has moved", "sold", "running quickly", "relates", "are", "equals",
         "shows", "looked", "flies", "tying", "proceeds", "generalized", "argued"]
OBJECTS = ["at the top left", "next to a yellow star", "in 2 rows", "for $1,200.50", "a wumpus", "48/2=24 clips",
           "conditionally", "at 3.5% (about)", "rational numbers", "U.S. flags", "well-known skies", "e.g. apples & pears",
           "don't know", "0.75 miles", "at 10:30", "the news", "happily", "formality", "effectiveness", "…and more"]
ENDS = [".", "!", "?", "", " .", "...", ";", "\n", " \"quoted\"", " #tag", " &quot;x&quot; &amp;", "-\nline", "\tend ", " <skipped>"]


def sentence():
    parts = []
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        parts.append(f"{random.choice(SUBJECTS)} {random.choice(VERBS)} {random.choice(OBJECTS)}{random.choice(ENDS)}")
    return " ".join(parts)


def altered(text):
    """The text with words dropped, doubled, swapped, recased, or swapped for others."""
    words = text.split(" ")
    for _ in range(random.randint(0, 5)):
        if not words:
            break
        place = random.randrange(len(words))
        what = random.random()
        if what < 0.25:
            words.pop(place)
        elif what < 0.4:
            words.insert(place, words[place])
        elif what < 0.6:
            other = random.randrange(len(words))
            words[place], words[other] = words[other], words[place]
        elif what < 0.75:
            words[place] = words[place].upper() if random.random() < 0.5 else words[place].capitalize()
        elif what < 0.9:
            words[place] = random.choice(sentence().split(" "))
        else:
            words[place] = words[place] + random.choice(["s", "ing", "ed", "ly"])
    return " ".join(words)


SPECIAL = [("", ""), ("", "a reference"), ("a text", ""), (" ", "."), (".", "."), ("a", "a"), ("a b", "a b c d e"), ("!!! ???", "!!!"),
           ("1,000.5-2", "1,000.5 - 2"), ("\u00a0x\u2003y\u0085z", "x y z"), ("\ufeffword", "word"), ("a\x1cb", "a b"),
           ("İstanbul STRASSE ſ", "istanbul straße s"), ("日本語のテキスト", "日本語 テキスト"), ("😀😀 ok 👩‍👩‍👧", "😀 ok 👩‍👧"),
           ("(hi) [there] {x}", "(hi] [there) {y}"), ("a.b,c.d 1.2,3", "a . b , c.d 1.2,3"), ("the the the the", "the cat the mat"),
           ("x" * 40, "x" * 39), ("Ȧb ç", "Ȧb ç"), ("skies dying news", "sky die new"), ("-5 -- --5", "- 5"), ("a&lt;b", "a<b")]


def rounded(value):
    return float(f"{value:.10g}")


pairs = list(SPECIAL)
while len(pairs) < 220:
    reference = sentence()
    pairs.append((altered(reference) if random.random() < 0.85 else sentence(), reference))

plain = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
stemmed = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
tokenize = Tokenizer13a()


class NoSynonyms:
    """Stands in for WordNet, so that only the exact and the stem stages match."""

    def synsets(self, _word):
        return []


def scores(hypothesis, reference):
    bleu = [BLEU(effective_order=effective, smooth_method=method).sentence_score(hypothesis, [reference]).score
            for method, effective in [("exp", True), ("floor", True), ("add-k", True), ("none", True), ("exp", False), ("floor", False)]]
    bleu.append(BLEU(effective_order=True, lowercase=True).sentence_score(hypothesis, [reference]).score)
    chrf = [CHRF(word_order=order).sentence_score(hypothesis, [reference]).score for order in (0, 2)]
    chrf.append(CHRF(lowercase=True, whitespace=True, beta=1).sentence_score(hypothesis, [reference]).score)
    rouge = [value for scorer in (plain, stemmed) for kind in ("rouge1", "rouge2", "rougeL")
             for value in scorer.score(reference, hypothesis)[kind]]
    tokens = [tokenize(text).split() for text in (hypothesis, reference)]
    return {"bleu": [rounded(v) for v in bleu], "chrf": [rounded(v) for v in chrf], "rouge": [rounded(v) for v in rouge],
            "meteor": rounded(single_meteor_score(tokens[1], tokens[0], wordnet=NoSynonyms()))}


corpora = []
for start, end in [(0, 220), (23, 60), (60, 61), (100, 140), (5, 12)]:
    hypotheses = [hypothesis for hypothesis, _ in pairs[start:end]]
    references = [reference for _, reference in pairs[start:end]]
    # A second reference: the reference of the next pair, in a circle.
    seconds = references[1:] + references[:1]
    entry = {"start": start, "end": end, "bleu": {}, "bleuTwo": {}}
    for method in ("exp", "floor", "add-k", "none"):
        entry["bleu"][method] = rounded(BLEU(smooth_method=method).corpus_score(hypotheses, [references]).score)
        entry["bleuTwo"][method] = rounded(BLEU(smooth_method=method).corpus_score(hypotheses, [references, seconds]).score)
    entry["floorHalf"] = rounded(BLEU(smooth_method="floor", smooth_value=0.5).corpus_score(hypotheses, [references]).score)
    entry["chrf"] = rounded(CHRF().corpus_score(hypotheses, [references]).score)
    entry["chrfTwo"] = rounded(CHRF(word_order=2).corpus_score(hypotheses, [references, seconds]).score)
    corpora.append(entry)

ROOTS = ["relat", "condit", "happ", "fl", "tr", "enjo", "general", "oper", "hop", "fall", "siz", "troubl", "conflat", "formal", "electr", "adjust",
         "contro", "roll", "rat", "ceas", "yumm", "sky", "toy", "syzyg", "agre", "fe", "bleed", "d", "cr", "arch", "geo", "use", "hope", "fizz", "tann"]
SUFFIXES = ["", "s", "es", "ies", "ied", "ed", "ing", "eed", "ational", "tional", "ization", "izer", "ation", "ator", "alism", "iveness", "fulness", "ousness",
            "aliti", "ality", "iviti", "ivity", "bility", "ably", "ally", "ently", "ely", "ously", "logy", "fully", "icate", "ative", "alize", "icity", "ical", "ful",
            "ness", "ance", "ence", "er", "able", "ible", "ant", "ement", "ment", "ent", "ion", "sion", "ou", "ism", "ate", "ous", "ive", "ize", "y", "e", "ll", "lle", "ying"]
stemmer = PorterStemmer()
words = sorted({root + suffix for root in ROOTS for suffix in SUFFIXES} | {"skies", "dying", "news", "innings", "howe", "proceed", "exceed", "succeed", "ties", "dies", "spy", "by", "is", "abc1s"})
random.shuffle(words)
stems = {word: stemmer.stem(word) for word in words[:900]}

try:
    rouge_version = importlib.metadata.version("rouge-score")
except importlib.metadata.PackageNotFoundError:
    # The scorer's sources on the path, not the package: github.com/google-research/google-research, rouge/.
    rouge_version = "google-research/rouge sources"

recorded = json.dumps({"versions": {"sacrebleu": sacrebleu.__version__, "nltk": nltk.__version__, "rougeScore": rouge_version},
                       "bleuColumns": ["exp", "floor", "add-k", "none", "exp, all orders", "floor, all orders", "exp, lower case"],
                       "pairs": [{"hypothesis": hypothesis, "reference": reference, **scores(hypothesis, reference)} for hypothesis, reference in pairs],
                       "corpora": corpora, "stems": stems}, ensure_ascii=True, separators=(",", ":"))
Path(OUT).write_bytes(gzip.compress(recorded.encode(), 9, mtime=0))
print(len(pairs), "pairs")
