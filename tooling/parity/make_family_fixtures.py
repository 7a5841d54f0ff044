"""Makes packages/model/fixtures/families and the LLaVAs over those families in packages/model/fixtures/multimodal.

One tiny random model for each family of text models, small enough to stand in the repository (weights in float16), with
what transformers computes for it in float32. The tests of @subtext/model read them and need no Python.

    pip install torch transformers safetensors
    python tooling/parity/make_family_fixtures.py
"""

import json
import shutil
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

FIXTURES = Path(__file__).resolve().parents[2] / "packages" / "model" / "fixtures"
VOCABULARY = 48
TIME = 14
NEW_TOKENS = 8

small = dict(
    vocab_size=VOCABULARY,
    hidden_size=16,
    intermediate_size=24,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
    bos_token_id=1,
    eos_token_id=2,
    pad_token_id=0,
)


def older(theta=None, scaling=None, **changes):
    """The spelling of transformers 4: `rope_theta`, `rope_scaling`, `torch_dtype`."""

    def respell(config):
        for key in ["rope_parameters", "dtype", "layer_types"]:
            config.pop(key, None)
        return config | {"rope_theta": theta, "rope_scaling": scaling, "torch_dtype": "float16"} | changes

    return respell


gemma = small | dict(head_dim=8, query_pre_attn_scalar=12, sliding_window=5)
two_heads = small | dict(num_attention_heads=2, num_key_value_heads=1)
longrope = dict(short_factor=[1.0, 1.5, 2.0], long_factor=[1.0, 3.0, 9.5])

# name: (config for transformers, its config.json in another spelling)
FAMILIES = {
    # A window on every layer.
    "mistral": (
        transformers.MistralConfig(**small, head_dim=8, sliding_window=5, rms_norm_eps=1e-5),
        older(theta=10000.0),
    ),
    # Ministral: the window on some layers.
    "ministral": (
        transformers.MinistralConfig(
            **small,
            head_dim=8,
            sliding_window=4,
            layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        ),
        None,
    ),
    # Norms of single heads, heads wider than width / heads, the window from layer 1 on.
    "qwen3": (
        transformers.Qwen3Config(
            **small,
            head_dim=10,
            tie_word_embeddings=True,
            use_sliding_window=True,
            sliding_window=5,
            max_window_layers=1,
            rope_parameters={"rope_type": "default", "rope_theta": 1000000.0},
        ),
        None,
    ),
    # Every second layer has no rotation, and a window.
    "smollm3": (
        transformers.SmolLM3Config(
            **small,
            attention_bias=True,
            no_rope_layer_interval=2,
            use_sliding_window=True,
            sliding_window=6,
            rope_parameters={"rope_type": "default", "rope_theta": 5000000.0},
        ),
        None,
    ),
    "gemma2": (
        transformers.Gemma2Config(**gemma, attn_logit_softcapping=2.0, final_logit_softcapping=4.0),
        None,
    ),
    # Global layers stretched, local ones not, each with a base of its own.
    "gemma3": (
        transformers.Gemma3TextConfig(
            **gemma,
            final_logit_softcapping=6.0,
            layer_types=["sliding_attention", "full_attention", "sliding_attention"],
            rope_parameters={
                "full_attention": {"rope_type": "linear", "factor": 4.0, "rope_theta": 1000000.0},
                "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
            },
        ),
        older(
            theta=1000000.0,
            scaling={"rope_type": "linear", "factor": 4.0},
            rope_local_base_freq=10000,
            sliding_window_pattern=2,
        ),
    ),
    # Packed projections, a window, half of each head rotated.
    "phi3-partial": (
        transformers.Phi3Config(
            **two_heads,
            sliding_window=6,
            tie_word_embeddings=True,
            rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5},
        ),
        older(theta=10000.0, partial_rotary_factor=0.5),
    ),
    # The greedy text crosses from the short factors to the long ones; sizes as in Phi-4-mini, 3/4 of each head rotated.
    "phi3-longrope": (
        transformers.Phi3Config(
            **two_heads,
            original_max_position_embeddings=18,
            rope_parameters={
                "rope_type": "longrope",
                "rope_theta": 10000.0,
                "partial_rotary_factor": 0.75,
                **longrope,
            },
        ),
        older(theta=10000.0, scaling={"type": "longrope", **longrope}, partial_rotary_factor=0.75),
    ),
    "olmo2": (
        transformers.Olmo2Config(**small, rope_parameters={"rope_type": "default", "rope_theta": 500000.0}),
        None,
    ),
}


def randomise(model, seed):
    """Every parameter matters, and is a float16 number."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            around_zero = "gemma" in type(model.base_model).__name__.lower() or not ("norm" in name and name.endswith("weight"))
            noise = torch.randn_like(parameter) * (0.15 if parameter.dim() > 1 else 0.2)
            parameter.copy_(((0 if around_zero else 1) + noise).half().float())
    return model


def write_folder(folder, model, respell):
    """The model as a folder of float16 numbers, and as transformers reads that folder."""
    shutil.rmtree(folder, ignore_errors=True)
    model.half().save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if respell is not None:
        path = folder / "config.json"
        path.write_text(json.dumps(respell(json.loads(path.read_text())), indent=2) + "\n")
    return type(model).from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()


def gradient_marks(model):
    """Two numbers for each parameter's gradient: its length, and its sum with cosines of the places for weights."""
    rows = []
    for _, parameter in sorted(model.named_parameters()):
        gradient = parameter.grad.double().flatten()
        rows.append([gradient.norm(), (gradient * torch.arange(len(gradient)).double().cos()).sum()])
    return torch.tensor(rows).float()


def write_family(name, config, respell, seed):
    folder = FIXTURES / "families" / name
    model = randomise(transformers.AutoModelForCausalLM.from_config(config), seed)
    model = write_folder(folder, model, respell)
    generator = torch.Generator().manual_seed(7)
    ids = torch.randint(3, VOCABULARY, (2, TIME), generator=generator)
    mask = torch.ones_like(ids)
    mask[1, :4] = 0
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    labels = ids.masked_fill(mask == 0, -100)
    labels[1, 4] = -100
    result = model(input_ids=ids, attention_mask=mask, position_ids=positions, output_hidden_states=True, labels=labels)
    result.loss.backward()
    with torch.no_grad():
        # transformers 5.18 goes on from keys with the short factors where its cached generation crosses to the long ones,
        # though it means to compute them anew; without a cache it gives what the model computes.
        settings = dict(max_new_tokens=NEW_TOKENS, do_sample=False, eos_token_id=None, pad_token_id=0, use_cache="longrope" not in name)
        greedy = model.generate(ids, attention_mask=mask, **settings)
        longest = model.generate(ids[:1], **settings)
    recorded = {
        "input_ids": ids.int(),
        "attention_mask": mask.int(),
        "labels": labels.int(),
        "logits": result.logits,
        "loss": result.loss[None],
        "gradients": gradient_marks(model),
        "greedy": greedy.int(),
        "longest": longest.int(),
    }
    for index in [1, len(result.hidden_states) - 1]:
        recorded[f"hidden_states.{index}"] = result.hidden_states[index]
    save_file({key: tensor.detach().contiguous() for key, tensor in recorded.items()}, folder / "golden.safetensors")
    print(name, sum(file.stat().st_size for file in folder.iterdir()), greedy[:, TIME:].tolist())


def write_llava(name, config, seed):
    folder = FIXTURES / "multimodal" / name
    vision = transformers.CLIPVisionConfig(
        hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, image_size=8, patch_size=4
    )
    llava = transformers.LlavaConfig(
        vision_config=vision,
        text_config=config,
        image_token_index=VOCABULARY - 1,
        vision_feature_layer=-1,
        # What ties the output layer to the embedding is the whole model's setting.
        tie_word_embeddings=config.tie_word_embeddings,
    )
    model = randomise(transformers.LlavaForConditionalGeneration(llava), seed)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if "gemma" in config.model_type and "language_model" in key and "norm" in key:
                parameter.sub_(1)
    model = write_folder(folder, model, None)
    generator = torch.Generator().manual_seed(9)
    ids = torch.randint(3, VOCABULARY - 1, (2, 12), generator=generator)
    ids[:, 2:6] = VOCABULARY - 1
    mask = torch.ones_like(ids)
    mask[0, :2] = 0
    inputs = {
        "input_ids": ids,
        "attention_mask": mask,
        "pixel_values": torch.randn(2, 3, 8, 8, generator=generator),
    }
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    labels = ids.masked_fill((ids == VOCABULARY - 1) | (mask == 0), -100)
    output = model(**inputs, position_ids=positions, output_hidden_states=True, labels=labels)
    output.loss.backward()
    with torch.no_grad():
        greedy = model.generate(**inputs, max_new_tokens=6, min_new_tokens=6, do_sample=False, pad_token_id=0)
    parameters = dict(model.named_parameters())
    gradients = ["model.multi_modal_projector.linear_1.weight", "model.language_model.embed_tokens.weight"]
    recorded = inputs | {"logits": output.logits, "greedy": greedy}
    recorded |= {f"grad.{key}": parameters[key].grad for key in gradients}
    save_file({key: tensor.detach().clone().contiguous() for key, tensor in recorded.items()}, folder / "golden.safetensors")
    print(name, sum(file.stat().st_size for file in folder.iterdir()), greedy[:, 12:].tolist())


if __name__ == "__main__":
    for seed, (name, (config, respell)) in enumerate(FAMILIES.items()):
        write_family(name, config, respell, seed)
    two = dict(num_hidden_layers=2)
    llavas = {
        "llava-mistral": transformers.MistralConfig(**(small | two), sliding_window=None),
        "llava-qwen3": transformers.Qwen3Config(**(small | two), head_dim=6),
        "llava-gemma2": transformers.Gemma2Config(**(gemma | two), attn_logit_softcapping=3.0),
        "llava-phi3": transformers.Phi3Config(**(small | two)),
    }
    for seed, (name, config) in enumerate(llavas.items()):
        write_llava(name, config, 50 + seed)
