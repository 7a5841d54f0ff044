"""Random regular expressions, and those of published tokenizers, with where tokenizers (Oniguruma) finds them.

    python tooling/parity/random_patterns.py SEED COUNT > patterns.jsonl
    node tooling/parity/compare_patterns.mjs patterns.jsonl

Each line: [expression, [[text, text with every match replaced by "\\u0001"], ...]], or [expression, null] where Oniguruma
refuses it. The recorded subset, packages/core/test/fixtures/random-patterns.jsonl.gz, is SEED 3, COUNT 700.

With the word "published" for COUNT, the expressions are read line by line from the standard input instead, as JSON texts:

    node tooling/parity/compare_patterns.mjs --published | python tooling/parity/random_patterns.py 5 published
"""

import json
import random
import sys

from tokenizers import NormalizedString, Regex

seed, count = int(sys.argv[1]), sys.argv[2]
random.seed(seed)
pick = random.choice

ATOMS = ["a", "b", "c", "1", " ", ".", "é", "ß", "K", "\\d", "\\w", "\\s", "\\p{L}", "\\p{N}", "\\P{Lu}", "[ab]", "[^a]", "[a-c1]", "[^\\s\\p{L}]", "[[:alpha:]]", "[\\w&&[^b]]", "\\n", "\\h", "\\S", "😀", "猫"]
EMPTY = ["", "^", "$", "\\b", "\\B", "\\A", "\\z", "(?=a)", "(?!b)", "(?<=a)", "(?<!b)", "(?=\\s)", "(?!\\S)"]
REPEATS = ["*", "+", "?", "*?", "+?", "??", "*+", "++", "?+", "{2}", "{1,2}", "{,2}", "{2,}", "{1,2}?", "{0,1}"]
PIECES = ["a", "b", "c", "ab", "A", "B", "1", "12", "é", "E\u0301", "ß", "ss", "K", "\u212a", "ſ", " ", "  ", "\n", "\r\n", "\t", "\u00a0", ".", "!?", "'s", "'LL", "😀", "猫", "字", "١", "_", "-", "<", "ﬁ", "ǅ", "\u0300"]


def expression(depth=0):
    parts = []
    for _ in range(random.choice([1, 1, 2, 2, 3])):
        kind = random.random()
        if kind < 0.12:
            part = pick(EMPTY)
        elif kind < 0.32 and depth < 3:
            part = pick(["({})", "(?:{})", "(?:{})", "(?>{})", "(?i:{})", "(?={})", "(?!{})", "(?<name>{})"]).format(expression(depth + 1))
        else:
            part = pick(ATOMS)
        if random.random() < 0.35 and part:
            part += pick(REPEATS)
        parts.append(part)
    made = "".join(parts)
    return f"{made}|{expression(depth + 1)}" if random.random() < 0.2 and depth < 3 else made


def text(most):
    # Of an empty text tokenizers asks no expression.
    return "".join(pick(PIECES) for _ in range(random.randint(1, most)))


def found(source, texts):
    try:
        pattern = Regex(source)
    except Exception:
        return None
    answers = []
    for one in texts:
        replaced = NormalizedString(one)
        replaced.replace(pattern, "\u0001")
        answers.append([one, replaced.normalized])
    return answers


if count == "published":
    for line in sys.stdin:
        source = json.loads(line)
        print(json.dumps([source, found(source, [text(200) for _ in range(200)])], ensure_ascii=False))
else:
    done = 0
    while done < int(count):
        source = expression()
        if len(source) > 60:
            continue
        # Nested repeats would take Oniguruma long on more.
        answers = found(source, [text(8) for _ in range(5)])
        if answers is None and random.random() < 0.8:
            continue
        print(json.dumps([source, answers], ensure_ascii=False))
        done += 1
