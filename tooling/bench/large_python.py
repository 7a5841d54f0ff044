"""The Python side of large.mjs: transformers and PEFT on the same model folder.

    python tooling/bench/large_python.py generate --model FOLDER [--dtype bfloat16] [--batch 1] [--tokens 32] [--threads 2]
    python tooling/bench/large_python.py lora --model FOLDER [--dtype float32] [--batch 1] [--tokens 256] [--steps 2]
    python tooling/bench/large_python.py load --model FOLDER

Prints one JSON object."""

import argparse
import json
import resource
import statistics
import time

import torch


def texts(rows, length, vocabulary):
    return torch.tensor([[3 + (at * 31 + row * 17) % (vocabulary - 3) for at in range(length)] for row in range(rows)])


def generate(options, model):
    ids = texts(options.batch, options.prompt, model.config.vocab_size)

    def run(count):
        began = time.perf_counter()
        with torch.no_grad():
            model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, min_new_tokens=count, max_new_tokens=count, pad_token_id=0)
        return time.perf_counter() - began

    run(4)
    # The prompt's pass, and tokens after it: the difference is tokens alone.
    seconds = []
    for _ in range(options.rounds):
        first = run(1)
        seconds.append(run(options.tokens + 1) - first)
    return {"tokensPerSecond": options.batch * options.tokens / statistics.median(seconds)}


def lora(options, model):
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(model, LoraConfig(r=options.rank, lora_alpha=2 * options.rank, target_modules=["q_proj", "v_proj"]))
    if options.recompute:
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable()
    model.train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    ids = texts(options.batch, options.tokens, options.vocabulary)
    seconds, processor = [], []
    for step in range(options.steps + 1):
        began, processor_began = time.perf_counter(), time.process_time()
        loss = model(input_ids=ids, labels=ids, attention_mask=torch.ones_like(ids)).loss
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        last = loss.item()
        if step > 0:
            seconds.append(time.perf_counter() - began)
            processor.append(time.process_time() - processor_began)
    return {"tokensPerSecond": options.batch * options.tokens / statistics.median(seconds), "processorSecondsOfAStep": statistics.median(processor), "loss": last}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["load", "generate", "lora"])
    parser.add_argument("--model", required=True)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--prompt", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--recompute", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    from transformers import AutoModelForCausalLM

    began = time.perf_counter()
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=getattr(torch, options.dtype)).eval()
    load = time.perf_counter() - began
    options.vocabulary = model.config.vocab_size
    found = {"load": lambda *_: {}, "generate": generate, "lora": lora}[options.what](options, model)
    print(json.dumps({"torch": torch.__version__, "dtype": options.dtype, "loadSeconds": load, "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, **found}))


if __name__ == "__main__":
    main()
