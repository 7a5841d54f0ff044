"""Makes packages/model/fixtures/variants and packages/model/fixtures/adapters with transformers and PEFT.

Tiny random models in configurations that real checkpoints have, with what transformers computes for them, so that the
tests of @subtext/model need no Python. Optional: the fixtures are in the repository.

    pip install torch transformers peft safetensors
    python tooling/parity/make_text_fixtures.py
"""

import json
import os
import shutil
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, Qwen2Config

FIXTURES = Path(__file__).resolve().parents[2] / "packages" / "model" / "fixtures"
VOCABULARY = 48
WIDTH = 24
TIME = 14
NEW_TOKENS = 8

small = dict(
    vocab_size=VOCABULARY,
    hidden_size=WIDTH,
    intermediate_size=40,
    num_hidden_layers=2,
    num_attention_heads=4,
    max_position_embeddings=64,
)

# name: (config for transformers, changes to config.json that keep its meaning: the spelling of older checkpoints)
VARIANTS = {
    # One key head for all, heads wider than width / heads, biases everywhere, linear scaling, another activation.
    "llama-mqa-biases-linear": (
        LlamaConfig(
            **small,
            num_key_value_heads=1,
            head_dim=10,
            attention_bias=True,
            mlp_bias=True,
            hidden_act="gelu_pytorch_tanh",
            rms_norm_eps=1e-3,
            rope_parameters={"rope_type": "linear", "factor": 2.5, "rope_theta": 5000.0},
        ),
        lambda config: config
        | {"rope_theta": 5000.0, "rope_scaling": {"type": "linear", "factor": 2.5}, "torch_dtype": "float32"},
    ),
    # Llama 3.1's scaling with other factors.
    "llama-llama3-factors": (
        LlamaConfig(
            **small,
            num_key_value_heads=2,
            tie_word_embeddings=True,
            rope_parameters={
                "rope_type": "llama3",
                "factor": 32.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 3.0,
                "original_max_position_embeddings": 16,
                "rope_theta": 100000.0,
            },
        ),
        None,
    ),
    # More positions than the model was made for, stretched as they come.
    "llama-dynamic": (
        LlamaConfig(
            **(small | dict(max_position_embeddings=10)),
            rope_parameters={"rope_type": "dynamic", "factor": 3.0, "rope_theta": 10000.0},
        ),
        None,
    ),
    "llama-yarn": (
        LlamaConfig(
            **small,
            num_key_value_heads=4,
            rope_parameters={
                "rope_type": "yarn",
                "factor": 4.0,
                "original_max_position_embeddings": 16,
                "rope_theta": 10000.0,
            },
        ),
        None,
    ),
    "qwen2-untied-yarn": (
        Qwen2Config(
            **small,
            num_key_value_heads=1,
            tie_word_embeddings=False,
            rope_parameters={
                "rope_type": "yarn",
                "factor": 8.0,
                "original_max_position_embeddings": 8,
                "beta_fast": 16.0,
                "rope_theta": 1000000.0,
            },
        ),
        None,
    ),
    # A width inside of its own, another activation, unscaled attention divided by the layer, an output layer of its own.
    "gpt2-inner-inverse-untied": (
        GPT2Config(
            vocab_size=VOCABULARY,
            n_positions=32,
            n_embd=WIDTH,
            n_layer=3,
            n_head=3,
            n_inner=36,
            activation_function="gelu",
            scale_attn_weights=False,
            scale_attn_by_inverse_layer_idx=True,
            layer_norm_epsilon=1e-3,
            tie_word_embeddings=False,
        ),
        None,
    ),
    "gpt2-relu": (
        GPT2Config(vocab_size=VOCABULARY, n_positions=32, n_embd=WIDTH, n_layer=2, n_head=2, activation_function="relu"),
        None,
    ),
}


def random_model(config, seed):
    """A model all of whose parameters matter: biases and norms are random too."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            norm = "norm" in name or ".ln_" in name
            noise = torch.randn_like(parameter)
            parameter.copy_(1 + 0.2 * noise if norm and name.endswith("weight") else noise * (0.15 if parameter.dim() > 1 else 0.2))
    return model


def inputs():
    generator = torch.Generator().manual_seed(7)
    ids = torch.randint(3, VOCABULARY, (2, TIME), generator=generator)
    mask = torch.ones_like(ids)
    mask[1, :4] = 0
    return ids, mask


@torch.no_grad()
def outputs(model):
    ids, mask = inputs()
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    result = model(input_ids=ids, attention_mask=mask, position_ids=positions, output_hidden_states=True)
    # The longest row alone: dynamic scaling looks at the batch's longest.
    greedy = model.generate(ids[:1], max_new_tokens=NEW_TOKENS, do_sample=False, eos_token_id=None, pad_token_id=0)
    recorded = {"input_ids": ids, "attention_mask": mask, "logits": result.logits, "greedy": greedy}
    for index, state in enumerate(result.hidden_states):
        recorded[f"hidden_states.{index}"] = state
    return {name: tensor.contiguous() for name, tensor in recorded.items()}


def write_variant(name, config, respell, seed):
    folder = FIXTURES / "variants" / name
    shutil.rmtree(folder, ignore_errors=True)
    model = random_model(config, seed)
    model.save_pretrained(folder)
    os.remove(folder / "generation_config.json")
    if respell is not None:
        path = folder / "config.json"
        saved = json.loads(path.read_text())
        del saved["rope_parameters"], saved["dtype"]
        path.write_text(json.dumps(respell(saved), indent=2) + "\n")
        model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    save_file(outputs(model), folder / "golden.safetensors")


def write_adapter(name, base, settings, seed, recorded=None):
    """A random adapter as PEFT saves it, and the outputs that PEFT gives with it, or those of them that are named.

    What is trained in full, or by rows, gets random numbers too; a table that PEFT holds twice because the output layer
    shares it gets the same ones in both places.
    """
    folder = FIXTURES / "adapters" / name
    shutil.rmtree(folder, ignore_errors=True)
    model = AutoModelForCausalLM.from_pretrained(FIXTURES / "variants" / base, attn_implementation="eager").eval()
    adapted = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.1, **settings)).eval()
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter_name, parameter in adapted.named_parameters():
            if "lora_" in parameter_name:
                parameter.copy_(torch.randn_like(parameter) * 0.1)
            elif "modules_to_save" in parameter_name or "trainable_tokens_delta" in parameter_name:
                if adapted.config.tie_word_embeddings:
                    torch.manual_seed(seed)
                parameter.copy_(torch.randn_like(parameter) * 0.1)
    adapted.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text())
    config["base_model_name_or_path"] = f"../../variants/{base}"
    path.write_text(json.dumps(config, indent=2) + "\n")
    saved = outputs(adapted)
    save_file({key: saved[key] for key in recorded or saved}, folder / "golden.safetensors")


if __name__ == "__main__":
    for seed, (name, (config, respell)) in enumerate(VARIANTS.items()):
        write_variant(name, config, respell, seed)
    write_adapter(
        "llama-patterns",
        "llama-mqa-biases-linear",
        dict(
            r=4,
            lora_alpha=10,
            target_modules=["q_proj", "v_proj", "down_proj", "lm_head"],
            rank_pattern={"down_proj": 2},
            alpha_pattern={"layers.1.self_attn.q_proj": 3},
            use_rslora=True,
        ),
        100,
    )
    write_adapter(
        "gpt2-regex",
        "gpt2-relu",
        dict(r=3, lora_alpha=6, target_modules=r".*\.h\.\d+\.(attn\.c_attn|mlp\.c_proj)", fan_in_fan_out=True),
        101,
    )
    few = ["input_ids", "attention_mask", "logits"]
    write_adapter(
        "llama-some-layers",
        "llama-mqa-biases-linear",
        dict(
            r=2,
            lora_alpha=4,
            target_modules=["q_proj", "up_proj", "lm_head"],
            layers_to_transform=[1],
            layers_pattern="layers",
            modules_to_save=["lm_head"],
        ),
        102,
        few,
    )
    write_adapter(
        "gpt2-saved-embeddings",
        "gpt2-relu",
        dict(
            r=2,
            lora_alpha=4,
            target_modules=["c_attn"],
            layers_to_transform=0,
            fan_in_fan_out=True,
            modules_to_save=["wte", "lm_head"],
        ),
        103,
        few,
    )
    write_adapter(
        "llama-token-rows",
        "llama-mqa-biases-linear",
        dict(
            r=2,
            lora_alpha=4,
            target_modules=["v_proj"],
            layers_to_transform=[0, 1],
            layers_pattern=["h", "layers"],
            trainable_token_indices={"embed_tokens": [3, 7, 11], "lm_head": [3, 5]},
        ),
        104,
        few,
    )
