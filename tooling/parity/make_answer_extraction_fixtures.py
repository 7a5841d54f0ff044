"""Makes packages/eval/fixtures/answer-extraction.json.gz: answers and what VLMEvalKit's rules take from them.

Needs a checkout of github.com/open-compass/VLMEvalKit. Run from the repository's root:
  python tooling/parity/make_answer_extraction_fixtures.py PATH_OF_VLMEVALKIT
"""

import gzip
import json
import random
import re
import sys
import types
from pathlib import Path

root = Path(sys.argv[1]) / "vlmeval"
random.seed(11)

# The two modules import the whole of vlmeval; only their own text is run here.
matching = types.ModuleType("matching")
source = (root / "utils/matching_util.py").read_text()
exec(source.replace("from vlmeval.smp.log import get_logger", "get_logger = lambda name: None"), matching.__dict__)
misc = (root / "smp/misc.py").read_text()
punctuation = re.search(r"def process_punctuation.*?(?=\n\ndef )", misc, re.S).group(0)
yes_no = re.search(r"def YOrN_Extraction.*?(?=\n\ndef )", (root / "dataset/utils/yorn.py").read_text(), re.S).group(0)
names = {}
exec(punctuation + "\n\n" + yes_no, names)

CHOICES = [{"A": "a red circle", "B": "a blue square", "C": "nothing", "D": "two cats"}, {"A": "3/11", "B": "8/11", "C": "6/11"},
           {"A": "yes", "B": "no"}, {"A": "Paris", "B": "London", "C": "New York", "D": "Rome", "E": "Oslo"}]
FORMS = ["{L}", "{L}.", "({L})", "**{L}**", "{L}: {T}", "The answer is {L}.", "The correct answer is **{L}**. Here is why: the picture shows it clearly, as one sees.",
         "{T}", "{U}", "I think it is {T}.", "{L} and {M}", "Answer: {L}\n\nbecause A is the first of many letters in the row of them", "The answer is {L}, since the {T} stands there and nothing else",
         "A man holds {T}", "Option {L} is what I would choose here if I had to choose among all of them now", "{T} or {S}", "Z", "none of them", "", " ", "Cannot determine the answer",
         "Sorry, I can't help with images of people yet. {L}", "Failed to obtain answer via API.", "answer is {l}", "[{L}]", "{L})", "#{L}", "it is {L}", "{L}{M}", "Z {L}",
         "The picture shows many things, and it is hard to say which of these is right, but if one must then {T} might be it; still I would not bet on that at all, dear reader."]
mcq = []
for choices in CHOICES:
    for form in FORMS:
        letter, other = random.sample(sorted(choices), 2)
        text = form.format(L=letter, M=other, l=letter.lower(), T=choices[letter], S=choices[other], U=choices[letter].upper())
        found = matching.can_infer(text, dict(choices))
        mcq.append({"text": text, "choices": choices, "letter": found if found else None})

YES_NO = ["Yes", "no.", "Yes, it is.", "No, it isn't", "yes no", "I know", "Not at all", "YES!", "No-one", "yes/no", "yes / no", "maybe", "", "The answer is yes.No doubt", "1,000 yes",
          "yes,no", "1,2 yes,no", "(yes)", "[no]", "no ... yes", "The word is 'Yes'", '"Yes"', "yes; indeed", "nope", "3.5 no", "yes.", "y.e.s", "well... no!", "yes_no", "no?yes", "a-yes b",
          ". " * 40 + "yes. no", "." * 33 + "yes", "." * 32 + "yes", "yes\nno", "\u00a0yes", "NO\t"]
extracted = [{"text": text, "answer": names["YOrN_Extraction"](text)} for text in YES_NO]

recorded = json.dumps({"multipleChoice": mcq, "yesOrNo": extracted}, ensure_ascii=True, separators=(",", ":"))
Path("packages/eval/fixtures/answer-extraction.json.gz").write_bytes(gzip.compress(recorded.encode(), 9, mtime=0))
print(len(mcq), len(extracted))
