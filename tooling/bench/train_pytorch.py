"""The PyTorch eager twin of `subtext bench train`, `subtext bench generate` and vision-train.mjs: the same GPT-2 (learned positions, layer
norm, GELU, tied embeddings, no dropout), float32, whole steps (forward, backward, clipping, AdamW) on random texts.

    python tooling/bench/train_pytorch.py train --width 256 --layers 4 --tokens 128 --batch 16 --threads 2
    python tooling/bench/train_pytorch.py generate --width 256 --layers 4 --batch 1,32 --threads 2

Prints one JSON object. Generation is transformers' `generate` (greedy, with its cache)."""

import argparse
import json
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln_1 = nn.LayerNorm(width)
        self.c_attn = nn.Linear(width, 3 * width)
        self.c_proj = nn.Linear(width, width)
        self.ln_2 = nn.LayerNorm(width)
        self.c_fc = nn.Linear(width, 4 * width)
        self.c_out = nn.Linear(4 * width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        query, key, value = (part.view(batch, tokens, self.heads, -1).transpose(1, 2) for part in self.c_attn(self.ln_1(x)).split(width, dim=2))
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.c_proj(mixed.transpose(1, 2).reshape(batch, tokens, width))
        return x + self.c_out(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))


class Model(nn.Module):
    def __init__(self, width, layers, heads, vocabulary, tokens):
        super().__init__()
        self.wte = nn.Embedding(vocabulary, width)
        self.wpe = nn.Embedding(tokens, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.ln_f = nn.LayerNorm(width)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids, labels):
        x = self.wte(ids) + self.wpe.weight[: ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        logits = F.linear(self.ln_f(x), self.wte.weight)
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), labels.reshape(-1))


def train(options, device):
    model = Model(options.width, options.layers, options.heads, options.vocabulary, options.tokens).to(device)
    # Matrices decay, norms and biases do not, as in the trainer.
    groups = [
        {"params": [p for p in model.parameters() if p.dim() > 1], "weight_decay": 0.01},
        {"params": [p for p in model.parameters() if p.dim() <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-4)
    loss_of = torch.compile(model) if options.compile else model
    times, processor = [], []
    for step in range(options.warmup + options.steps):
        texts = torch.randint(options.vocabulary, (options.batch, options.tokens + 1))
        began, processor_began = time.perf_counter(), time.process_time()
        texts = texts.to(device)
        loss = loss_of(texts[:, :-1], texts[:, 1:])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        last = loss.item()  # as the trainer reads it each step; waits for a GPU too
        if device.type == "cuda":
            torch.cuda.synchronize()
        if step >= options.warmup:
            times.append(time.perf_counter() - began)
            processor.append(time.process_time() - processor_began)
    median = statistics.median(times)
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "millisecondsPerStep": median * 1000, "processorMillisecondsPerStep": statistics.median(processor) * 1000,
        "tokensPerSecond": options.batch * options.tokens / median,
        "loss": last,
    }


def vision(options, device):
    """transformers' LLaVA in the shape of the vision model of `npm start` (vision-shape.json); see vision-train.mjs."""
    import pathlib
    from transformers import LlavaConfig, LlavaForConditionalGeneration

    shape = json.loads((pathlib.Path(__file__).parent / "vision-shape.json").read_text())
    shape.pop("model_type")
    model = LlavaForConditionalGeneration(LlavaConfig(**shape)).to(device).train()
    pictures, question, chain = 4, 12, 100
    tokens, side, vocabulary = pictures + question + chain, shape["vision_config"]["image_size"], shape["text_config"]["vocab_size"]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    times, processor = [], []
    for step in range(options.warmup + options.steps):
        ids = torch.randint(3, vocabulary, (options.batch, tokens), device=device)
        ids[:, :pictures] = shape["image_token_index"]
        labels = ids.clone()
        labels[:, : pictures + question] = -100
        pixels = torch.rand(options.batch, 3, side, side, device=device)
        began, processor_began = time.perf_counter(), time.process_time()
        loss = model(input_ids=ids, pixel_values=pixels, labels=labels, attention_mask=torch.ones_like(ids)).loss
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        last = loss.item()
        if step >= options.warmup:
            times.append(time.perf_counter() - began)
            processor.append(time.process_time() - processor_began)
    median = statistics.median(times)
    return {"parameters": sum(p.numel() for p in model.parameters()), "millisecondsPerStep": median * 1000, "processorMillisecondsPerStep": statistics.median(processor) * 1000, "tokensPerSecond": options.batch * tokens / median, "loss": last}


def generate(options, device):
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=options.vocabulary, n_positions=options.prompt + options.new_tokens, n_embd=options.width,
        n_layer=options.layers, n_head=options.heads, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        bos_token_id=0, eos_token_id=0, pad_token_id=0,
    )
    model = GPT2LMHeadModel(config).to(device).eval()
    results = []
    for batch in options.batches:
        ids = torch.randint(1, options.vocabulary, (batch, options.prompt), device=device)
        times, processor = [], []
        for round_ in range(options.rounds + 1):
            began, processor_began = time.perf_counter(), time.process_time()
            with torch.no_grad():
                model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, min_new_tokens=options.new_tokens, max_new_tokens=options.new_tokens)
            if round_ > 0:
                times.append(time.perf_counter() - began)
                processor.append(time.process_time() - processor_began)
        median = statistics.median(times)
        results.append({"batch": batch, "milliseconds": median * 1000, "tokensPerSecond": batch * options.new_tokens / median, "processorMilliseconds": statistics.median(processor) * 1000})
    return {"results": results}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["train", "generate", "vision"])
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--heads", type=int)
    parser.add_argument("--vocabulary", type=int, default=1024)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--batch", default="16")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--prompt", type=int, default=32)
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--compile", action="store_true", help="torch.compile, whose compilation falls into the warm-up")
    options = parser.parse_args()
    options.heads = options.heads or max(1, options.width // 64)
    options.batches = [int(size) for size in options.batch.split(",")]
    options.batch = options.batches[0]
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    device = torch.device(options.device)
    result = {"train": train, "generate": generate, "vision": vision}[options.what](options, device)
    print(json.dumps({"torch": torch.__version__, "threads": options.threads, "device": options.device, **result}))


if __name__ == "__main__":
    main()
