"""The other side of coconut.mjs: facebookresearch/coconut's own class, run as it is from a checkout, over transformers' GPT-2.

    python tooling/bench/coconut_reference.py train|generate FOLDER --reference CHECKOUT [--threads 2] [--steps 5] [--warmup 2]

FOLDER is what coconut.mjs writes: a GPT-2 and case.json. `train` times whole steps (forward, backward, AdamW as its run.py
sets it); `generate` its `generate`, which takes one question at a time. Prints one JSON object.
"""

import argparse
import json
import pathlib
import statistics
import sys
import time

import torch
from transformers import DynamicCache, GPT2LMHeadModel


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


def collate(layouts, case):
    """Rows moved so that their first thoughts share a column, as the reference's MyCollator moves them."""
    rows = [layout["ids"] for layout in layouts]
    firsts = [row.index(case["latentId"]) for row in rows]
    offsets = [max(firsts) - first for first in firsts]
    columns = max(offset + len(row) for offset, row in zip(offsets, rows))

    def pad(parts, fill):
        return torch.tensor([[fill] * offset + part + [fill] * (columns - offset - len(part)) for offset, part in zip(offsets, parts)])

    return {
        "input_ids": pad(rows, case["padId"]),
        "attention_mask": pad([[1] * len(row) for row in rows], 0),
        "labels": pad([layout["labels"] for layout in layouts], -100),
        "position_ids": pad([list(range(len(row))) for row in rows], 0),
    }


def train(model, coconut, case, options):
    coconut.train()
    optimizer = torch.optim.AdamW(coconut.parameters(), lr=1e-4, weight_decay=0.01)
    batches = [collate(layouts, case) for layouts in case["layouts"]]
    times, processor, losses = [], [], []
    for step in range(options.warmup + options.steps):
        began, processor_began = time.perf_counter(), time.process_time()
        loss = coconut(**batches[step % len(batches)]).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        if step >= options.warmup:
            times.append(time.perf_counter() - began)
            processor.append(time.process_time() - processor_began)
    first = batches[0]
    return {
        "milliseconds": statistics.median(times) * 1000,
        "processorMilliseconds": statistics.median(processor) * 1000,
        "samplesPerSecond": len(case["layouts"][0]) / statistics.median(times),
        "losses": losses,
        "columns": first["input_ids"].shape[1],
        "positions": int(first["attention_mask"].sum()),
        "thoughts": int((first["input_ids"] == case["latentId"]).sum()),
        "lossRows": int((first["labels"][:, 1:] != -100).sum()),
    }


def generate(model, coconut, case, options):
    coconut.eval()
    times, processor = [], []
    answers = {}
    with torch.no_grad():
        for round_ in range(options.warmup + options.steps):
            # Other questions in each round, as far as there are any: coconut.mjs compares the answers with ours.
            index = round_ % len(case["prompts"])
            prompt = torch.tensor([case["prompts"][index]])
            began, processor_began = time.perf_counter(), time.process_time()
            output = coconut.generate(prompt, torch.ones_like(prompt), max_new_tokens=options.tokens)
            if round_ >= options.warmup:
                times.append(time.perf_counter() - began)
                processor.append(time.process_time() - processor_began)
            answers[index] = output[0].tolist()[prompt.shape[1] :]
    return {
        "milliseconds": statistics.median(times) * 1000,
        "processorMilliseconds": statistics.median(processor) * 1000,
        "millisecondsPerSample": statistics.median(times) * 1000,
        "ids": [answers[index] for index in sorted(answers)],
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["train", "generate"])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--reference", type=pathlib.Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=16)
    parser.add_argument("--attention", choices=["sdpa", "eager"], default="sdpa")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    sys.path.insert(0, str(options.reference))
    from coconut import Coconut

    case = json.loads((options.folder / "case.json").read_text())
    model = GPT2LMHeadModel.from_pretrained(options.folder, attn_implementation=options.attention, dtype=torch.float32)
    coconut = Coconut(WithTuples(model), case["latentId"], case["startId"], case["markId"], case["endId"])
    result = {"train": train, "generate": generate}[options.what](model, coconut, case, options)
    print(json.dumps({"torch": torch.__version__, "threads": options.threads, "attention": options.attention, **result}))


if __name__ == "__main__":
    main()
