"""Loads models for pictures and text, and adapters, as @subtext/model saves them, with transformers and PEFT, and
compares logits.

Optional; needs a build:

    npx turbo run build --filter=@subtext/model
    pip install torch transformers pillow peft safetensors
    python tooling/parity/check_saved_vision_models.py
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText

TOLERANCE = 1e-4


def load(folder):
    model, report = AutoModelForImageTextToText.from_pretrained(folder, attn_implementation="eager", output_loading_info=True)
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not report[kind], f"{folder}: {kind} {report[kind]}"
    return model.float().eval()


@torch.no_grad()
def compare(name, model, golden):
    inputs = {key: value.long() if value.dtype == torch.int32 else value for key, value in golden.items() if key != "logits"}
    difference = (model(**inputs).logits - golden["logits"]).abs().max().item()
    print(f"{name:32} largest difference of logits {difference:.1e}")
    return difference <= TOLERANCE


def main():
    here = Path(__file__).resolve().parent
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["node", here / "save_vision_models.mjs", folder], check=True)
        good = [compare(path.name, load(path), load_file(path / "golden.safetensors")) for path in sorted(Path(folder, "models").iterdir())]
        for path in sorted(Path(folder, "adapters").iterdir()):
            base = json.loads((path / "adapter_config.json").read_text())["base_model_name_or_path"]
            good.append(compare(f"adapter {path.name}", PeftModel.from_pretrained(load(base), path).eval(), load_file(path / "golden.safetensors")))
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
