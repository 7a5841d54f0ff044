"""Whether transformers and PEFT load what `subtext train` saved, and compute with it what Subtext does.

    python tooling/parity/check_reasoners.py REASONER_FOLDER ...

Each folder is `RUN/reasoner`. Its weights are loaded by transformers, none missing and none left over; the logits on random
ids, the new tokens among them, must be those of `subtext forward`. Where the run had `model.lora`, its adapter is put on the
base model in two ways: by AutoPeftModelForCausalLM, which makes room for new tokens by the tokenizer beside the adapter, and
by PeftModel on a base that was resized by hand; their logits must be those of the merged folder. Needs a build.
"""
import json
import os
import subprocess
import sys
import tempfile

import torch
from peft import AutoPeftModelForCausalLM, PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
failed = False


def forward(folder, ids):
    """The logits that Subtext gives."""
    with tempfile.TemporaryDirectory() as scratch:
        inputs, outputs = os.path.join(scratch, "inputs.safetensors"), os.path.join(scratch, "outputs.safetensors")
        save_file({"input_ids": ids.to(torch.int32)}, inputs)
        subprocess.run(
            ["node", os.path.join(ROOT, "apps/cli/bin/subtext.js"), "forward", "--engine", "wasm", "--model", folder, "--inputs", inputs, "--output", outputs],
            check=True, stdout=subprocess.DEVNULL,
        )
        return load_file(outputs)["logits"]


def report(folder, name, logits, expected, note=""):
    global failed
    difference = (logits - expected).abs().max().item()
    good = difference < 1e-3 * max(1.0, expected.abs().max().item())
    failed |= not good
    print(f"{'ok  ' if good else 'BAD '} {folder} {name}: largest difference {difference:.2e}{note}", flush=True)


@torch.no_grad()
def check(folder):
    torch.manual_seed(0)
    merged, loading = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    merged.eval()
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if loading[kind]:
            raise ValueError(f"{kind} {sorted(loading[kind])[:4]}")
    size = len(AutoTokenizer.from_pretrained(folder))
    ids = torch.cat([torch.randint(0, size, (1, 24)), torch.arange(max(0, size - 8), size)[None]], dim=1)
    expected = merged(ids).logits
    report(folder, "transformers", expected, forward(folder, ids))
    adapter = os.path.join(folder, "adapter")
    if not os.path.exists(adapter):
        return
    settings = json.load(open(os.path.join(adapter, "adapter_config.json")))
    note = f", tokens {settings.get('trainable_token_indices') and 'by rows'} {settings.get('modules_to_save')}"
    if len(AutoTokenizer.from_pretrained(adapter)) != size:
        raise ValueError("the tokenizer beside the adapter is not the folder's")
    # transformers draws new rows at random: PEFT puts the adapter's in their place.
    automatic = AutoPeftModelForCausalLM.from_pretrained(adapter, dtype=torch.float32).eval()
    resized = AutoModelForCausalLM.from_pretrained(settings["base_model_name_or_path"], dtype=torch.float32)
    resized.resize_token_embeddings(max(size, resized.get_input_embeddings().weight.shape[0]))
    by_hand = PeftModel.from_pretrained(resized, adapter).eval()
    for name, model in (("AutoPeftModelForCausalLM", automatic), ("PeftModel", by_hand)):
        report(folder, name, model(ids).logits[..., :size], expected[..., :size], note)


for folder in sys.argv[1:]:
    try:
        check(folder)
    except Exception as error:
        failed = True
        print(f"BAD  {folder}: {type(error).__name__}: {str(error).splitlines()[0]}", flush=True)
sys.exit(1 if failed else 0)
