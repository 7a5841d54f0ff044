"""Records what the reference implementation of continuous thoughts computes, for packages/trainer's tests.

    python tooling/parity/make_coconut_fixtures.py REFERENCE [--check GOLDEN]

REFERENCE is a checkout of github.com/facebookresearch/coconut, whose coconut.py is run as it is, over the small GPT-2 of
packages/model/fixtures/golden/gpt2. --check runs it over a recorded folder (model and golden.safetensors) and prints
the largest differences, without writing anything. Needs torch, transformers and safetensors.
"""

import argparse
import json
import pathlib
import sys

import torch
from safetensors.torch import load_file, save_file
from transformers import DynamicCache, GPT2LMHeadModel

root = pathlib.Path(__file__).resolve().parents[2]
model_folder = root / "packages/model/fixtures/golden/gpt2"
target = root / "packages/reasoner/fixtures/coconut-gpt2"
LATENT, START, END, PAD, END_OF_TEXT = 300, 301, 302, 0, 2
# (tokens of the question, thoughts, tokens behind the last mark): thoughts differ, one row has none.
ROWS = [(5, 3, 7), (9, 2, 5), (6, 0, 8), (3, 4, 4)]


class WithTuples(torch.nn.Module):
    """The reference reads and passes caches as pairs of tensors, which transformers 5 no longer does."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def get_input_embeddings(self):
        return self.model.get_input_embeddings()

    def forward(self, past_key_values=None, **options):
        cache = DynamicCache()
        for layer, (key, value) in enumerate(past_key_values or []):
            cache.update(key, value, layer)
        outputs = self.model(past_key_values=cache, use_cache=True, **options)
        outputs.past_key_values = [(layer.keys, layer.values) for layer in cache.layers]
        return outputs


def open_reference(reference, folder):
    sys.path.insert(0, str(reference))
    from coconut import Coconut

    model = GPT2LMHeadModel.from_pretrained(folder, attn_implementation="eager").eval()
    return model, Coconut(WithTuples(model), LATENT, START, END, END_OF_TEXT)


def compute(model, coconut, ids, mask, labels, positions, prompt, new_tokens):
    outputs = coconut(ids, mask, labels, positions)
    outputs.loss.backward()
    transformer = model.transformer
    return {
        "loss": outputs.loss.detach().reshape(1),
        "logits": outputs.logits.detach(),
        "inputs_embeds": outputs.inputs_embeds.detach(),
        "grad.h0.c_attn": transformer.h[0].attn.c_attn.weight.grad,
        "grad.h2.mlp.c_proj": transformer.h[2].mlp.c_proj.weight.grad,
        "grad.ln_f": transformer.ln_f.weight.grad,
        "grad.wpe": transformer.wpe.weight.grad,
        "grad.wte": transformer.wte.weight.grad,
        "generate.output": coconut.generate(prompt, torch.ones_like(prompt), max_new_tokens=new_tokens),
    }


def check(reference, golden):
    recorded = load_file(golden / "golden.safetensors")
    model, coconut = open_reference(reference, golden)
    prompt = recorded["generate.prompt"]
    found = compute(model, coconut, *(recorded[name] for name in ("input_ids", "attention_mask", "labels", "position_ids")), prompt, recorded["generate.output"].shape[1] - prompt.shape[1])
    for name, values in found.items():
        print(name, (values - recorded[name]).abs().max().item() if values.shape == recorded[name].shape else f"{values} instead of {recorded[name]}")


def make(reference):
    torch.manual_seed(6)
    start = max(question + 1 for question, thoughts, _ in ROWS if thoughts > 0)
    sequences, labels, offsets = [], [], []
    for question, thoughts, rest in ROWS:
        given = [*torch.randint(3, 300, (question,)).tolist(), START, *[LATENT] * thoughts, END]
        predicted = torch.randint(3, 300, (rest,)).tolist()
        sequences.append(given + predicted)
        labels.append([-100] * len(given) + predicted)
        offsets.append(start - question - 1 if thoughts > 0 else 0)
    time = max(offset + len(sequence) for offset, sequence in zip(offsets, sequences))

    def pad(rows, fill):
        return torch.tensor([[fill] * offset + row + [fill] * (time - offset - len(row)) for offset, row in zip(offsets, rows)])

    ids, mask = pad(sequences, PAD), pad([[1] * len(row) for row in sequences], 0)
    positions = pad([list(range(len(row))) for row in sequences], 0)
    model, coconut = open_reference(reference, model_folder)
    prompt = torch.tensor([sequences[0][: ROWS[0][0] + ROWS[0][1] + 2]])
    found = compute(model, coconut, ids, mask, pad(labels, -100), positions, prompt, 10)
    # Only a part of what is large: every ninth column of the logits, every eighth row of the gradients.
    found["logits"] = found["logits"][..., ::9].contiguous()
    for name in ("grad.h0.c_attn", "grad.h2.mlp.c_proj", "grad.wte"):
        found[name] = found[name][::8].contiguous()
    output = found.pop("generate.output")[0].tolist()
    target.mkdir(parents=True, exist_ok=True)
    save_file(found, target / "golden.safetensors")
    case = {"sequences": sequences, "labels": labels, "latentId": LATENT, "padId": PAD, "offsets": offsets, "generation": {"prompt": prompt[0].tolist(), "output": output}}
    (target / "case.json").write_text(json.dumps(case) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("reference", type=pathlib.Path)
    parser.add_argument("--check", type=pathlib.Path)
    options = parser.parse_args()
    check(options.reference, options.check) if options.check else make(options.reference)
