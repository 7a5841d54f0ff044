"""Makes random configurations of GPT-2, Llama and Qwen2 with what transformers computes for them, to be held against
@subtext/model by compare_models.mjs. Nothing in the implementation knows these configurations beforehand.

    python tooling/parity/random_configurations.py FOLDER [COUNT] [SEED]
    npx turbo run build --filter=@subtext/model
    node tooling/parity/compare_models.mjs FOLDER --engine wasm
"""

import random
import shutil
import sys
from pathlib import Path

from make_text_fixtures import VOCABULARY, outputs, random_model
from safetensors.torch import save_file
from transformers import GPT2Config, LlamaConfig, Qwen2Config

ACTIVATIONS = ["silu", "gelu", "gelu_new", "relu", "gelu_pytorch_tanh", "quick_gelu", "tanh", "gelu_fast"]


def sometimes(share):
    return random.random() < share


def rotary():
    kind = random.choice(["default", "linear", "dynamic", "llama3", "yarn"])
    parameters = {"rope_type": kind, "rope_theta": random.choice([1e4, 5e5, 1e6, 1234.5])}
    if kind != "default":
        parameters["factor"] = random.choice([1.0, 1.5, 2.0, 8.0, 32.0])
    if kind == "llama3":
        parameters |= dict(
            low_freq_factor=random.choice([1.0, 2.0]),
            high_freq_factor=random.choice([4.0, 8.0]),
            original_max_position_embeddings=random.choice([8, 16, 8192]),
        )
    if kind == "yarn":
        parameters["original_max_position_embeddings"] = random.choice([8, 32])
        if sometimes(0.5):
            parameters |= dict(beta_fast=random.choice([16.0, 32.0]), beta_slow=random.choice([1.0, 2.0]))
        if sometimes(0.3):
            parameters["attention_factor"] = 0.8
        if sometimes(0.3):
            parameters |= dict(mscale=1.0, mscale_all_dim=0.5)
        if sometimes(0.3):
            parameters["truncate"] = False
    return parameters


def gpt2():
    heads = random.choice([1, 2, 3, 4])
    return GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=random.choice([24, 64]),
        n_embd=heads * random.choice([4, 6, 8]),
        n_layer=random.choice([1, 3]),
        n_head=heads,
        n_inner=random.choice([None, 20, 52]),
        activation_function=random.choice(ACTIVATIONS),
        scale_attn_weights=sometimes(0.7),
        scale_attn_by_inverse_layer_idx=sometimes(0.4),
        reorder_and_upcast_attn=sometimes(0.3),
        layer_norm_epsilon=random.choice([1e-5, 1e-3]),
        tie_word_embeddings=sometimes(0.6),
        bos_token_id=None,
        eos_token_id=None,
    )


def rotary_decoder(kind):
    heads = random.choice([2, 4, 6])
    settings = dict(
        vocab_size=VOCABULARY,
        hidden_size=heads * random.choice([4, 8, 10]),
        intermediate_size=random.choice([16, 40]),
        num_hidden_layers=random.choice([1, 2, 3]),
        num_attention_heads=heads,
        num_key_value_heads=random.choice([count for count in range(1, heads + 1) if heads % count == 0]),
        max_position_embeddings=random.choice([24, 64]),
        hidden_act=random.choice(ACTIVATIONS),
        rms_norm_eps=random.choice([1e-6, 1e-2]),
        tie_word_embeddings=sometimes(0.5),
        rope_parameters=rotary(),
        bos_token_id=None,
        eos_token_id=None,
    )
    if sometimes(0.5):
        settings["head_dim"] = random.choice([4, 6, 12])
    if kind == "qwen2":
        return Qwen2Config(**settings, use_sliding_window=False)
    return LlamaConfig(**settings, attention_bias=sometimes(0.5), mlp_bias=sometimes(0.5))


def main(folder, count=80, seed=5):
    random.seed(int(seed))
    for index in range(int(count)):
        kind = random.choice(["gpt2", "llama", "llama", "qwen2"])
        path = Path(folder) / f"{index:03d}-{kind}"
        shutil.rmtree(path, ignore_errors=True)
        model = random_model(gpt2() if kind == "gpt2" else rotary_decoder(kind), index)
        model.save_pretrained(path, max_shard_size=random.choice(["5GB", "20KB"]))
        save_file(outputs(model), path / "golden.safetensors")


if __name__ == "__main__":
    main(*sys.argv[1:])
