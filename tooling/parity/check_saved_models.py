"""Loads what @subtext/model saves with transformers and PEFT, and compares logits and greedy tokens.

Optional; needs a build:

    npx turbo run build --filter=@subtext/model
    pip install torch transformers peft safetensors
    python tooling/parity/check_saved_models.py
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

TOLERANCE = 1e-4


@torch.no_grad()
def compare(name, model, golden):
    ids = golden["input_ids"].long()
    difference = (model(input_ids=ids).logits - golden["logits"]).abs().max().item()
    count = golden["greedy"].shape[1] - ids.shape[1]
    greedy = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, min_new_tokens=count, do_sample=False, pad_token_id=0)
    same = torch.equal(greedy, golden["greedy"].long())
    print(f"{name:40} largest difference of logits {difference:.1e}, greedy tokens {'equal' if same else 'DIFFER'}")
    return difference <= TOLERANCE and same


def load(folder):
    model, report = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32, output_loading_info=True)
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not report[kind], f"{folder}: {kind} {report[kind]}"
    return model.eval()


def main():
    here = Path(__file__).resolve().parent
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["node", here / "save_models.mjs", folder], check=True)
        good = [compare(path.name, load(path), load_file(path / "golden.safetensors")) for path in sorted(Path(folder, "models").iterdir())]
        for path in sorted(Path(folder, "adapters").iterdir()):
            base = json.loads((path / "adapter_config.json").read_text())["base_model_name_or_path"]
            good.append(compare(f"adapter {path.name}", PeftModel.from_pretrained(load(base), path).eval(), load_file(path / "golden.safetensors")))
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
