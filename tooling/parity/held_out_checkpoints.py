"""Makes small random checkpoints in configurations that no test of Subtext knows, with inputs, and what transformers
computes from them, to be held against the built command by held_out_checkpoints.mjs. Optional.

    pip install torch transformers safetensors
    python tooling/parity/held_out_checkpoints.py FOLDER [SEED]
    npm run bootstrap
    node tooling/parity/held_out_checkpoints.mjs FOLDER

A folder of a case is a model folder; `forward.NAME.safetensors` and `generate.NAME.safetensors` hold the inputs, with
`….expected.safetensors` beside them. Expected to be refused: `refused.json` says which name must be in the message.
"""

import json
import random
import shutil
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

NEW_TOKENS = 7
ACTIVATIONS = ["silu", "gelu", "gelu_new", "relu", "gelu_pytorch_tanh", "quick_gelu"]
OUTPUT = Path()


def randomise(model, spread=0.12):
    """Norms near one, everything else far enough from zero that a mistake shows."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            norm = ("norm" in name or ".ln_" in name) and name.endswith("weight")
            parameter.copy_(torch.randn_like(parameter) * (0.25 if parameter.ndim < 2 else spread) + (1.0 if norm else 0.0))
    return model.float().eval()


def contiguous(tensors):
    return {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}


class Case:
    def __init__(self, name, config, model_class, dtype=torch.float32, shards="5GB"):
        self.folder = OUTPUT / name
        shutil.rmtree(self.folder, ignore_errors=True)
        torch.manual_seed(sum(name.encode()))
        config._attn_implementation = "eager"
        model = randomise(model_class._from_config(config, attn_implementation="eager") if hasattr(model_class, "_from_config") else model_class(config))
        model.to(dtype).save_pretrained(self.folder, max_shard_size=shards)
        # Read back: casting the model would also have rounded its rotary frequencies.
        self.model = model_class.from_pretrained(self.folder, dtype=torch.float32, attn_implementation="eager").eval()
        print(name, flush=True)

    @torch.no_grad()
    def forward(self, name, inputs):
        mask = inputs.get("attention_mask")
        positions = {} if mask is None or "position_ids" in inputs else {"position_ids": (mask.cumsum(-1) - 1).clamp(min=0)}
        result = self.model(**inputs, **positions, output_hidden_states=True)
        expected = {}
        for key in ["logits", "last_hidden_state", "pooler_output"]:
            if getattr(result, key, None) is not None:
                expected[key] = getattr(result, key)
        for index, state in enumerate(result.hidden_states or []):
            expected[f"hidden_states.{index}"] = state
        self.write("forward", name, inputs, expected)

    @torch.no_grad()
    def generate(self, name, inputs, new_tokens=NEW_TOKENS):
        pad = {} if self.model.generation_config.pad_token_id is not None else {"pad_token_id": 0}
        ids = self.model.generate(**inputs, max_new_tokens=new_tokens, do_sample=False, **pad)
        self.write("generate", name, inputs, {"greedy": ids})

    def write(self, kind, name, inputs, expected):
        save_file(contiguous(inputs), self.folder / f"{kind}.{name}.safetensors")
        save_file(contiguous(expected), self.folder / f"{kind}.{name}.expected.safetensors")


def ids(vocabulary, batch, time, low=3):
    return torch.randint(low, vocabulary, (batch, time))


def left_padding(batch, time, paddings):
    mask = torch.ones(batch, time, dtype=torch.long)
    for row, count in enumerate(paddings):
        mask[row, :count] = 0
    return mask


def text_case(name, config, model_class, width, vocabulary, time=13, **options):
    case = Case(name, config, model_class, **options)
    tokens = ids(vocabulary, 3, time)
    mask = left_padding(3, time, [0, 5, 2])
    case.forward("plain", {"input_ids": tokens})
    case.forward("padded", {"input_ids": tokens, "attention_mask": mask})
    case.forward("embeddings", {"inputs_embeds": torch.randn(3, time, width) * 0.5, "attention_mask": mask})
    case.forward("positions", {"input_ids": tokens, "position_ids": torch.arange(time).flip(0).expand(3, time).contiguous()})
    right = mask.flip(1)
    case.forward("right-padded", {"input_ids": tokens, "attention_mask": right})
    case.generate("one", {"input_ids": tokens[:1]})
    case.generate("padded", {"input_ids": tokens, "attention_mask": mask})


def rotary_text(model_config, model_class, name, dtype=torch.float32, shards="5GB", time=13, **settings):
    base = dict(
        vocab_size=71, hidden_size=36, intermediate_size=44, num_hidden_layers=2, num_attention_heads=6,
        num_key_value_heads=2, max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=0,
    ) | settings
    text_case(name, model_config(**base), model_class, base["hidden_size"], base["vocab_size"], time=time, dtype=dtype, shards=shards)


def llama(name, **settings):
    rotary_text(transformers.LlamaConfig, transformers.LlamaForCausalLM, name, **settings)


def qwen2(name, **settings):
    rotary_text(transformers.Qwen2Config, transformers.Qwen2ForCausalLM, name, **settings)


def gpt2(name, dtype=torch.float32, shards="5GB", **settings):
    base = dict(vocab_size=67, n_positions=40, n_embd=30, n_layer=3, n_head=5, bos_token_id=1, eos_token_id=2, pad_token_id=0) | settings
    text_case(name, transformers.GPT2Config(**base), transformers.GPT2LMHeadModel, base["n_embd"], base["vocab_size"], dtype=dtype, shards=shards)


def texts():
    gpt2("gpt2-five-heads")
    gpt2("gpt2-one-head-untied-bf16", n_head=1, n_embd=22, tie_word_embeddings=False, n_inner=50, activation_function="silu", dtype=torch.bfloat16)
    gpt2("gpt2-unscaled-inverse-sharded", scale_attn_weights=False, scale_attn_by_inverse_layer_idx=True, reorder_and_upcast_attn=True, layer_norm_epsilon=1e-3, shards="20KB")
    gpt2("gpt2-several-ends", eos_token_id=[5, 9, 12, 20, 33], activation_function="gelu")
    llama("llama-multi-query", num_key_value_heads=1, hidden_act="gelu")
    llama("llama-all-heads-head-dim", num_key_value_heads=6, head_dim=10, attention_bias=True)
    llama("llama-odd-sizes-biases-f16", hidden_size=42, num_attention_heads=7, num_key_value_heads=7, head_dim=4, mlp_bias=True, attention_bias=True, rms_norm_eps=1e-2, dtype=torch.float16)
    llama("llama-tied-llama3", tie_word_embeddings=True, rope_parameters=dict(rope_type="llama3", rope_theta=3e5, factor=16.0, low_freq_factor=1.5, high_freq_factor=6.0, original_max_position_embeddings=12))
    llama("llama-linear", rope_parameters=dict(rope_type="linear", rope_theta=2e4, factor=3.5), head_dim=8)
    llama("llama-dynamic-beyond", max_position_embeddings=9, rope_parameters=dict(rope_type="dynamic", rope_theta=1e4, factor=2.5))
    llama("llama-yarn", max_position_embeddings=64, rope_parameters=dict(rope_type="yarn", rope_theta=1e4, factor=4.0, original_max_position_embeddings=16, beta_fast=20.0, beta_slow=2.0))
    llama("llama-yarn-attention-factor", rope_parameters=dict(rope_type="yarn", rope_theta=5e5, factor=8.0, original_max_position_embeddings=8, attention_factor=0.7, truncate=False))
    llama("llama-one-layer-sharded-bf16", num_hidden_layers=1, hidden_size=40, num_attention_heads=4, num_key_value_heads=4, dtype=torch.bfloat16, shards="20KB")
    qwen2("qwen2-multi-query-tied", num_key_value_heads=1, tie_word_embeddings=True)
    qwen2("qwen2-head-dim-yarn", head_dim=12, num_key_value_heads=3, rope_parameters=dict(rope_type="yarn", rope_theta=1e6, factor=2.0, original_max_position_embeddings=32))
    qwen2("qwen2-window-unused", use_sliding_window=True, sliding_window=4, max_window_layers=2, hidden_act="relu")


def encoder(name, config, model_class, size, channels=3, images=2, **more):
    case = Case(name, config, model_class)
    case.forward("pictures", {"pixel_values": torch.randn(images, channels, size, size)} | more)


def encoders():
    clip = dict(hidden_size=24, intermediate_size=30, num_hidden_layers=3, num_attention_heads=3)
    encoder("clip-patch-10", transformers.CLIPVisionConfig(**clip, image_size=40, patch_size=10), transformers.CLIPVisionModel, 40)
    encoder("clip-uneven-grey-gelu", transformers.CLIPVisionConfig(**clip, image_size=29, patch_size=8, num_channels=1, hidden_act="gelu", layer_norm_eps=1e-3), transformers.CLIPVisionModel, 29, channels=1)
    siglip = dict(hidden_size=24, intermediate_size=31, num_hidden_layers=2, num_attention_heads=6)
    encoder("siglip-patch-6", transformers.SiglipVisionConfig(**siglip, image_size=36, patch_size=6), transformers.SiglipVisionModel, 36, images=3)
    encoder("siglip-without-head-uneven", transformers.SiglipVisionConfig(**siglip, image_size=30, patch_size=7, vision_use_head=False, hidden_act="quick_gelu"), transformers.SiglipVisionModel, 30)
    for name, kind, text, vision in [("clip-pair", transformers.CLIPModel, transformers.CLIPTextConfig, transformers.CLIPVisionConfig), ("siglip-pair", transformers.SiglipModel, transformers.SiglipTextConfig, transformers.SiglipVisionConfig)]:
        words = dict(vocab_size=50, hidden_size=24, intermediate_size=30, num_hidden_layers=1, num_attention_heads=3, max_position_embeddings=12)
        config = kind.config_class(text_config=text(**words).to_dict(), vision_config=vision(**clip, image_size=24, patch_size=8).to_dict())
        case = Case(name, config, kind)
        case.model = case.model.vision_model
        case.forward("pictures", {"pixel_values": torch.randn(2, 3, 24, 24)})


def words(**settings):
    return dict(
        vocab_size=80, hidden_size=32, intermediate_size=40, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=96, bos_token_id=1, eos_token_id=2, pad_token_id=0,
    ) | settings


IMAGE = 79


def with_images(batch, time, runs, paddings, image=IMAGE, vocabulary=79):
    """Ids and a mask; `runs` gives for each row the lengths of its runs of image tokens, which follow the padding."""
    tokens = ids(vocabulary, batch, time)
    mask = left_padding(batch, time, paddings)
    for row, lengths in enumerate(runs):
        at = paddings[row] + 1
        for length in lengths:
            tokens[row, at : at + length] = image
            at += length + 1
    return tokens, mask


def llava(name, vision, text, tokens_per_image, pixels, channels=3, **settings):
    kind = vision.pop("kind", "clip_vision_model")
    text_kind = text.pop("kind", "llama")
    vision_class, text_class = dict(clip_vision_model=transformers.CLIPVisionConfig, siglip_vision_model=transformers.SiglipVisionConfig)[kind], dict(llama=transformers.LlamaConfig, qwen2=transformers.Qwen2Config)[text_kind]
    config = transformers.LlavaConfig(vision_config=vision_class(**vision), text_config=text_class(**words(**text)), image_token_index=IMAGE, **settings)
    case = Case(name, config, transformers.LlavaForConditionalGeneration)
    time = 2 * tokens_per_image + 9
    tokens, mask = with_images(3, time, [[tokens_per_image] * 2, [tokens_per_image], []], [0, 4, 2])
    inputs = {"input_ids": tokens, "attention_mask": mask, "pixel_values": torch.randn(3, channels, pixels, pixels)}
    case.forward("pictures", inputs)
    case.generate("pictures", inputs)
    plain = ids(79, 2, 8)
    case.forward("words", {"input_ids": plain, "attention_mask": left_padding(2, 8, [3, 0])})
    case.generate("words", {"input_ids": plain[:1]})


def llavas():
    clip = dict(hidden_size=24, intermediate_size=30, num_hidden_layers=4, num_attention_heads=3, image_size=24, patch_size=8)
    llava("llava-defaults", dict(clip), dict(), 9, 24)
    llava("llava-full-last-layer", dict(clip), dict(num_key_value_heads=1), 10, 24, vision_feature_layer=-1, vision_feature_select_strategy="full", projector_hidden_act="relu", multimodal_projector_bias=False)
    llava("llava-several-layers-qwen2", dict(clip) | dict(image_size=30, patch_size=10), dict(kind="qwen2", tie_word_embeddings=True), 9, 30, vision_feature_layer=[-2, 1, 3])
    llava("llava-siglip-full", dict(kind="siglip_vision_model", hidden_size=24, intermediate_size=30, num_hidden_layers=3, num_attention_heads=4, image_size=28, patch_size=14, vision_use_head=False), dict(head_dim=6), 4, 28, vision_feature_layer=2, vision_feature_select_strategy="full")


def idefics3(name, family, text, factor, size, patch, paddings, tile_grid, **vision):
    kinds = dict(
        idefics3=(transformers.Idefics3Config, transformers.Idefics3ForConditionalGeneration, transformers.LlamaConfig),
        smolvlm=(transformers.SmolVLMConfig, transformers.SmolVLMForConditionalGeneration, transformers.LlamaConfig),
    )
    config_class, model_class, text_class = kinds[family]
    vision = dict(hidden_size=24, intermediate_size=30, num_hidden_layers=2, num_attention_heads=4, image_size=size, patch_size=patch) | vision
    config = config_class(vision_config=vision, text_config=text_class(**words(**text)).to_dict(), image_token_id=IMAGE, scale_factor=factor, tie_word_embeddings=text.get("tie_word_embeddings", False), pad_token_id=0)
    case = Case(name, config, model_class)
    each = (size // patch // factor) ** 2
    counts = tile_grid
    most = max(counts)
    time = most * (each + 1) + max(paddings) + 6
    tokens, mask = with_images(len(counts), time, [[each] * count for count in counts], paddings)
    pixels = torch.randn(len(counts), most, 3, size, size)
    pixel_mask = torch.ones(len(counts), most, size, size, dtype=torch.long)
    for row, count in enumerate(counts):
        pixels[row, count:] = 0
        pixel_mask[row, count:] = 0
    # A tile part of which is padding.
    inner = size - size // 3
    pixel_mask[0, 0, inner:] = 0
    pixel_mask[0, 0, :, size - patch :] = 0
    pixels[0, 0] *= pixel_mask[0, 0]
    inputs = {"input_ids": tokens, "attention_mask": mask, "pixel_values": pixels, "pixel_attention_mask": pixel_mask}
    case.forward("tiles", inputs)
    case.generate("tiles", inputs)
    del inputs["pixel_attention_mask"]
    case.forward("tiles-without-mask", inputs)
    plain = ids(79, 2, 8)
    case.forward("words", {"input_ids": plain, "attention_mask": left_padding(2, 8, [3, 0])})


def idefics3s():
    idefics3("idefics3-factor-2-tiles", "idefics3", dict(), 2, 32, 8, [0, 3], [3, 1])
    idefics3("idefics3-factor-3-tied", "idefics3", dict(tie_word_embeddings=True, num_key_value_heads=1), 3, 36, 6, [2, 0, 5], [1, 2, 4], hidden_act="gelu", layer_norm_eps=1e-4)
    idefics3("smolvlm-factor-1", "smolvlm", dict(num_key_value_heads=4, head_dim=10), 1, 16, 8, [1, 0], [2, 2])
    idefics3("smolvlm-factor-4", "smolvlm", dict(rope_parameters=dict(rope_type="default", rope_theta=1e5)), 4, 32, 4, [0, 1], [1, 3], num_attention_heads=2)


def mllama(name, tiles, ratios, text, size=24, patch=8, images=2, crosses=(1, 3), **vision):
    vision = dict(
        hidden_size=24, intermediate_size=30, num_hidden_layers=3, num_global_layers=2, attention_heads=4, image_size=size, patch_size=patch,
        max_num_tiles=tiles, supported_aspect_ratios=ratios, intermediate_layers_indices=[0, 2], vision_output_dim=72,
    ) | vision
    settings = dict(num_hidden_layers=5, cross_attention_layers=list(crosses), rope_parameters=dict(rope_type="llama3", rope_theta=5e5, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32)) | text
    config = transformers.MllamaConfig(vision_config=vision, text_config=words(**settings), image_token_index=80)
    case = Case(name, config, transformers.MllamaForConditionalGeneration)
    batch, time = 3, 14
    tokens = ids(80, batch, time)
    paddings = [0, 4, 2]
    mask = left_padding(batch, time, paddings)
    counts = [images, 1, images]
    places = [[paddings[row] + 1 + 4 * index for index in range(counts[row])] for row in range(batch)]
    chosen = [[random.randrange(len(ratios)) for _ in range(images)] for _ in range(batch)]
    ratio_ids = torch.zeros(batch, images, dtype=torch.long)
    ratio_mask = torch.zeros(batch, images, tiles, dtype=torch.long)
    ratio_mask[:, :, 0] = 1
    pixels = torch.zeros(batch, images, tiles, vision.get("num_channels", 3), size, size)
    cross = torch.zeros(batch, time, images, tiles, dtype=torch.long)
    for row in range(batch):
        for index, place in enumerate(places[row]):
            tokens[row, place] = 80
            rows, columns = ratios[chosen[row][index]]
            count = rows * columns
            ratio_ids[row, index] = chosen[row][index] + 1
            ratio_mask[row, index, :count] = 1
            pixels[row, index, :count] = torch.randn(count, *pixels.shape[3:])
            end = places[row][index + 1] if index + 1 < len(places[row]) else time
            cross[row, place:end, index, :count] = 1
    pictures = {"pixel_values": pixels, "aspect_ratio_ids": ratio_ids, "aspect_ratio_mask": ratio_mask}
    inputs = {"input_ids": tokens, "attention_mask": mask, "cross_attention_mask": cross} | pictures
    case.forward("masks", inputs)
    case.generate("masks", inputs)
    case.forward("no-cross-mask", {"input_ids": tokens, "attention_mask": mask} | pictures)
    case.forward("one", {"input_ids": tokens[:1], "cross_attention_mask": cross[:1]} | {key: value[:1] for key, value in pictures.items()})
    plain = ids(80, 2, 9)
    case.forward("words", {"input_ids": plain, "attention_mask": left_padding(2, 9, [3, 0])})
    case.generate("words", {"input_ids": plain[:1]})


def mllamas():
    mllama("mllama-four-tiles", 4, [[1, 1], [1, 2], [1, 3], [1, 4], [2, 1], [2, 2], [3, 1], [4, 1]], dict())
    mllama("mllama-two-tiles-multi-query", 2, [[1, 1], [1, 2], [2, 1]], dict(num_key_value_heads=1, hidden_act="gelu", rms_norm_eps=1e-3), size=30, patch=10, images=1, crosses=(1, 2, 4), attention_heads=2, norm_eps=1e-3)
    mllama("mllama-no-intermediate-three-images", 3, [[1, 1], [1, 3], [3, 1]], dict(num_attention_heads=8, num_key_value_heads=4, rope_parameters=dict(rope_type="default", rope_theta=1e4)), images=3, intermediate_layers_indices=[1], vision_output_dim=48, num_global_layers=1, num_hidden_layers=2, crosses=(4,))


def refusals():
    """Folders that must be refused, and what the message must name."""
    folder = OUTPUT / "llama-linear"
    config = json.loads((folder / "config.json").read_text())
    gpt = json.loads((OUTPUT / "gpt2-five-heads" / "config.json").read_text())
    qwen = json.loads((OUTPUT / "qwen2-multi-query-tied" / "config.json").read_text())
    llava = json.loads((OUTPUT / "llava-defaults" / "config.json").read_text())
    faults = {
        "unknown-type": (config | {"model_type": "mamba"}, "mamba"),
        "factors": (config | {"rope_parameters": {"rope_type": "longrope", "rope_theta": 1e4, "short_factor": [1.0], "long_factor": [2.0] * 99}}, "short_factor"),
        "partial-rotary": (config | {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.5}}, "partial_rotary_factor"),
        "quantised": (config | {"quantization_config": {"quant_method": "gptq", "bits": 4}}, "quantization_config"),
        "unknown-key": (config | {"attn_logit_softcapping": 30.0}, "attn_logit_softcapping"),
        "unknown-activation": (config | {"hidden_act": "xielu"}, "xielu"),
        "cross-attention": (gpt | {"add_cross_attention": True}, "add_cross_attention"),
        "chunked": (qwen | {"layer_types": ["chunked_attention"] * 2}, "chunked"),
        "text-type": (llava | {"text_config": llava["text_config"] | {"model_type": "gemma"}}, "gemma"),
        "vision-type": (llava | {"vision_config": llava["vision_config"] | {"model_type": "dinov2"}}, "dinov2"),
    }
    for name, (faulty, word) in faults.items():
        target = OUTPUT / f"refused-{name}"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        (target / "config.json").write_text(json.dumps(faulty))
        shutil.copy(folder / "model.safetensors", target / "model.safetensors")
        shutil.copy(folder / "forward.plain.safetensors", target / "inputs.safetensors")
        (target / "refused.json").write_text(json.dumps({"names": word}))


def main(folder, seed=11):
    global OUTPUT
    OUTPUT = Path(folder)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    random.seed(int(seed))
    for make in [texts, encoders, llavas, idefics3s, mllamas, refusals]:
        make()


if __name__ == "__main__":
    main(*sys.argv[1:])
