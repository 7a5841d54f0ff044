"""Makes packages/encoders/fixtures/variants and packages/model/fixtures/multimodal with transformers.

Tiny random vision encoders and models for pictures and text, in configurations other than the recorded ones, with what
transformers computes for them, so that the tests need no Python. Optional: the fixtures are in the repository.

    pip install torch transformers pillow safetensors
    python tooling/parity/make_vision_fixtures.py
"""

import json
import shutil
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

PACKAGES = Path(__file__).resolve().parents[2] / "packages"
IMAGE = 59
NEW_TOKENS = 6

vision = dict(hidden_size=20, intermediate_size=28, num_hidden_layers=2)
text = dict(
    vocab_size=60,
    hidden_size=24,
    intermediate_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    max_position_embeddings=64,
    bos_token_id=1,
    eos_token_id=2,
    pad_token_id=0,
)
mllama_vision = dict(
    hidden_size=20,
    intermediate_size=28,
    num_hidden_layers=3,
    num_global_layers=1,
    attention_heads=5,
    image_size=24,
    patch_size=8,
    max_num_tiles=3,
    supported_aspect_ratios=[[1, 1], [1, 2], [1, 3], [2, 1], [3, 1]],
    intermediate_layers_indices=[2, 0],
    vision_output_dim=60,
    norm_eps=1e-3,
)
mllama_text = text | dict(
    num_hidden_layers=4,
    num_attention_heads=6,
    num_key_value_heads=3,
    cross_attention_layers=[1, 3],
    rope_parameters={
        "rope_type": "llama3",
        "factor": 8.0,
        "rope_theta": 10000.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 16,
    },
)


def randomise(model):
    """Norms near one, everything else far enough from zero that a mistake shows."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            centre = 1.0 if "norm" in name and name.endswith("weight") else 0.0
            parameter.copy_(torch.randn_like(parameter) * (0.3 if parameter.ndim < 2 else 0.12) + centre)
    return model.eval()


def save(folder, model, tensors):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model.save_pretrained(folder)
    for extra in ["generation_config.json"]:
        (folder / extra).unlink(missing_ok=True)
    save_file({name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}, folder / "golden.safetensors")
    print(folder.name, sum(file.stat().st_size for file in folder.iterdir()))


def make_encoder(name, model, size, channels=3):
    model = randomise(model)
    pixel_values = torch.randn(2, channels, size, size)
    with torch.no_grad():
        output = model(pixel_values=pixel_values, output_hidden_states=True)
    tensors = {"pixel_values": pixel_values, "last_hidden_state": output.last_hidden_state, "hidden_states.0": output.hidden_states[0]}
    if output.pooler_output is not None:
        tensors["pooler_output"] = output.pooler_output
    save(PACKAGES / "encoders" / "fixtures" / "variants" / name, model, tensors)


def make_model(name, model, inputs, image_token, gradients):
    model = randomise(model)
    model.config._attn_implementation = "eager"
    mask = inputs.get("attention_mask")
    positions = {} if mask is None else {"position_ids": (mask.cumsum(-1) - 1).clamp(min=0)}
    with torch.no_grad():
        output = model(**inputs, **positions, output_hidden_states=True)
        greedy = model.generate(**inputs, max_new_tokens=NEW_TOKENS, min_new_tokens=NEW_TOKENS, do_sample=False, pad_token_id=0)
    tensors = inputs | {"logits": output.logits, "greedy": greedy} | {f"hidden_states.{index}": state for index, state in enumerate(output.hidden_states)}
    ids = inputs["input_ids"]
    hidden = ids == image_token if mask is None else (ids == image_token) | (mask == 0)
    model(**inputs, **positions, labels=ids.masked_fill(hidden, -100)).loss.backward()
    parameters = dict(model.named_parameters())
    tensors |= {f"grad.{key}": parameters[key].grad for key in gradients}
    save(PACKAGES / "model" / "fixtures" / "multimodal" / name, model, tensors)


def prompts(rows, images, time=8, image_token=IMAGE):
    ids = torch.randint(3, 58, (rows, time + images))
    ids[:, 2 : 2 + images] = image_token
    return ids


def main():
    torch.manual_seed(7)
    clip = transformers.CLIPVisionConfig(**vision, num_attention_heads=5, image_size=27, patch_size=6, hidden_act="gelu", layer_norm_eps=1e-3)
    make_encoder("clip-odd-size", transformers.CLIPVisionModel(clip), 27)
    grey = transformers.CLIPVisionConfig(**vision, num_attention_heads=2, image_size=16, patch_size=8, num_channels=1)
    make_encoder("clip-one-channel", transformers.CLIPVisionModel(grey), 16, 1)
    siglip = transformers.SiglipVisionConfig(**vision, num_attention_heads=4, image_size=23, patch_size=7, hidden_act="gelu", vision_use_head=False)
    make_encoder("siglip-without-head", transformers.SiglipVisionModel(siglip), 23)
    pair = transformers.CLIPConfig(
        text_config=dict(vocab_size=20, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, projection_dim=6),
        vision_config=dict(**vision, num_attention_heads=4, image_size=16, patch_size=8),
        projection_dim=6,
    )
    model = randomise(transformers.CLIPModel(pair))
    pixel_values = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        output = model.vision_model(pixel_values=pixel_values, output_hidden_states=True)
    save(
        PACKAGES / "encoders" / "fixtures" / "variants" / "clip-with-text",
        model,
        {"pixel_values": pixel_values, "last_hidden_state": output.last_hidden_state, "hidden_states.0": output.hidden_states[0], "pooler_output": output.pooler_output},
    )

    several = transformers.LlavaConfig(
        vision_config=transformers.CLIPVisionConfig(**vision, num_attention_heads=4, image_size=16, patch_size=8),
        text_config=transformers.LlamaConfig(**text, num_key_value_heads=1, attention_bias=True, head_dim=10),
        image_token_index=IMAGE,
        vision_feature_layer=[-1, 1, 0],
        vision_feature_select_strategy="full",
        multimodal_projector_bias=False,
        projector_hidden_act="silu",
    )
    ids = prompts(2, 5)
    padded = torch.ones_like(ids)
    padded[0, :2] = 0
    make_model(
        "llava-several-layers-padded",
        transformers.LlavaForConditionalGeneration(several),
        {"input_ids": ids, "attention_mask": padded, "pixel_values": torch.randn(2, 3, 16, 16)},
        IMAGE,
        ["model.vision_tower.embeddings.patch_embedding.weight", "model.vision_tower.embeddings.class_embedding", "model.multi_modal_projector.linear_1.weight", "model.language_model.embed_tokens.weight"],
    )
    tied = transformers.LlavaConfig(
        vision_config=transformers.SiglipVisionConfig(**vision, num_attention_heads=5, image_size=18, patch_size=6),
        text_config=transformers.Qwen2Config(**text, num_key_value_heads=2, tie_word_embeddings=True),
        image_token_index=IMAGE,
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
    )
    make_model(
        "llava-siglip-qwen2-tied",
        transformers.LlavaForConditionalGeneration(tied),
        {"input_ids": prompts(2, 9), "pixel_values": torch.randn(2, 3, 18, 18)},
        IMAGE,
        ["model.vision_tower.embeddings.position_embedding.weight", "model.multi_modal_projector.linear_2.bias"],
    )

    tiles = dict(vision_config=dict(**vision, num_attention_heads=5, image_size=36, patch_size=6), image_token_id=IMAGE, pad_token_id=0)
    mask = torch.ones(2, 2, 36, 36, dtype=torch.long)
    mask[0, 1, 20:] = 0
    mask[0, 1, :, 27:] = 0
    mask[1, 0, 13:] = 0
    make_model(
        "idefics3-partly-filled",
        transformers.Idefics3ForConditionalGeneration(transformers.Idefics3Config(**tiles, text_config=transformers.LlamaConfig(**text, num_key_value_heads=2), scale_factor=3)),
        {"input_ids": prompts(2, 8), "pixel_values": torch.randn(2, 2, 3, 36, 36) * mask[:, :, None], "pixel_attention_mask": mask},
        IMAGE,
        ["model.vision_model.embeddings.patch_embedding.bias", "model.connector.modality_projection.proj.weight"],
    )
    empty = torch.randn(1, 3, 3, 24, 24)
    empty[0, 1] = 0
    tiles["vision_config"] |= dict(image_size=24)
    make_model(
        "smolvlm-empty-tile-tied",
        transformers.SmolVLMForConditionalGeneration(
            transformers.SmolVLMConfig(**tiles, text_config=transformers.LlamaConfig(**text, num_key_value_heads=4), scale_factor=2, tie_word_embeddings=True)
        ),
        {"input_ids": prompts(1, 8), "pixel_values": empty},
        IMAGE,
        ["model.vision_model.post_layernorm.weight"],
    )

    ids = torch.randint(3, 60, (2, 12))
    ids[0, 1] = ids[1, 3] = ids[1, 7] = 60
    used = torch.tensor([[[1, 1, 1], [1, 0, 0]], [[1, 0, 0], [1, 1, 0]]])
    seen = torch.zeros(2, 12, 2, 3, dtype=torch.long)
    seen[0, 1:, 0] = 1
    seen[1, 3:7, 0, :1] = 1
    seen[1, 7:, 1, :2] = 1
    make_model(
        "mllama-two-pictures",
        transformers.MllamaForConditionalGeneration(transformers.MllamaConfig(vision_config=mllama_vision, text_config=mllama_text, image_token_index=60)),
        {
            "input_ids": ids,
            "pixel_values": torch.randn(2, 2, 3, 3, 24, 24) * used[..., None, None, None],
            "aspect_ratio_ids": torch.tensor([[3, 0], [1, 4]]),
            "aspect_ratio_mask": used,
            "cross_attention_mask": seen,
        },
        60,
        [
            "model.vision_model.gated_positional_embedding.gate",
            "model.vision_model.class_embedding",
            "model.vision_model.global_transformer.layers.0.gate_attn",
            "model.language_model.layers.1.cross_attn.k_norm.weight",
            "model.language_model.layers.3.cross_attn_mlp_gate",
        ],
    )


if __name__ == "__main__":
    main()
