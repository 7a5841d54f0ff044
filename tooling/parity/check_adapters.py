"""Whether PEFT reads the adapters that `subtext train` saved, and computes with them what the merged folder does.

    python tooling/parity/check_adapters.py REASONER_FOLDER ...

Each folder is `RUN/reasoner` of a run with `model.lora`. Its adapter is put on the base model in two ways: by
AutoPeftModelForCausalLM, which makes room for new tokens by the tokenizer beside the adapter, and by PeftModel on a base
that was resized by hand. Their logits on random ids, the new tokens among them, must be those of the merged model.
"""
import json
import os
import sys

import torch
from peft import AutoPeftModelForCausalLM, PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

failed = False
for folder in sys.argv[1:]:
    adapter = os.path.join(folder, "adapter")
    settings = json.load(open(os.path.join(adapter, "adapter_config.json")))
    base = settings["base_model_name_or_path"]
    torch.manual_seed(0)
    merged = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(adapter)
    size = len(tokenizer)
    ids = torch.cat([torch.randint(0, size, (1, 24)), torch.arange(max(0, size - 8), size)[None]], dim=1)
    # transformers draws new rows at random: PEFT puts the adapter's in their place.
    automatic = AutoPeftModelForCausalLM.from_pretrained(adapter, dtype=torch.float32).eval()
    resized = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    resized.resize_token_embeddings(max(size, resized.get_input_embeddings().weight.shape[0]))
    by_hand = PeftModel.from_pretrained(resized, adapter).eval()
    with torch.no_grad():
        expected = merged(ids).logits[..., :size]
        for name, model in (("AutoPeftModelForCausalLM", automatic), ("PeftModel", by_hand)):
            difference = (model(ids).logits[..., :size] - expected).abs().max().item()
            good = difference < 1e-3 * max(1.0, expected.abs().max().item())
            failed |= not good
            print(f"{'ok  ' if good else 'BAD '} {folder} {name}: largest difference {difference:.2e}, tokens {settings.get('trainable_token_indices') and 'by rows'} {settings.get('modules_to_save')}")
sys.exit(1 if failed else 0)
