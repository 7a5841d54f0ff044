"""The transformers side of checkpoints.mjs: loads a folder in float32, runs a pass, generates greedily; prints JSON."""

import argparse
import json
import time

import torch
import transformers

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--batches", default="1,8")
parser.add_argument("--prompt", type=int, default=16)
parser.add_argument("--new-tokens", type=int, default=32)
options = parser.parse_args()
torch.set_num_threads(options.threads)
transformers.utils.logging.disable_progress_bar()


def memory(key):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(key))


# What a first use of the library costs is not the checkpoint's.
small = transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=50, n_positions=32, n_embd=8, n_layer=1, n_head=1)).eval()
small.generate(torch.ones(1, 2, dtype=torch.long), max_new_tokens=2, do_sample=False, pad_token_id=0)
transformers.AutoConfig.from_pretrained(options.folder)

before = memory("VmRSS")
began, processor_began = time.perf_counter(), time.process_time()
model = transformers.AutoModelForCausalLM.from_pretrained(options.folder, dtype=torch.float32).eval()
loaded = time.perf_counter()
with torch.no_grad():
    model(torch.tensor([[1, 2]])).logits.sum().item()
ready, processor_ready = time.perf_counter(), time.process_time()
result = {
    "loadSeconds": loaded - began,
    "readySeconds": ready - began,
    "readyProcessorSeconds": processor_ready - processor_began,
    "peakBytes": (memory("VmHWM") - before) * 1024,
    "weightBytes": sum(parameter.numel() * 4 for parameter in model.parameters()),
    "tokensPerSecond": {},
    "tokensPerProcessorSecond": {},
}
model.generation_config.eos_token_id = None
for batch in [int(size) for size in options.batches.split(",") if size]:
    ids = torch.tensor([[(7 * row + 3 * index + 5) % model.config.vocab_size for index in range(options.prompt)] for row in range(batch)])
    mask = torch.ones_like(ids)

    def generate(count):
        model.generate(ids, attention_mask=mask, max_new_tokens=count, min_new_tokens=count, do_sample=False, pad_token_id=0)

    generate(4)
    start, processor_start = time.perf_counter(), time.process_time()
    generate(options.new_tokens)
    result["tokensPerProcessorSecond"][batch] = batch * options.new_tokens / (time.process_time() - processor_start)
    result["tokensPerSecond"][batch] = batch * options.new_tokens / (time.perf_counter() - start)
print(json.dumps(result))
