"""Writes a Llama's model folder as a GGUF file for llama.cpp, with a vocabulary of numbered words: only its speed is asked.

    python tooling/bench/make_gguf.py FOLDER OUTPUT.gguf [--dtype bf16|q8_0]

Needs `pip install gguf safetensors torch`."""

import argparse
import json
import pathlib

import gguf
import numpy as np
import torch
from safetensors import safe_open

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("output")
parser.add_argument("--dtype", choices=["bf16", "q8_0"], default="bf16")
options = parser.parse_args()

config = json.loads((pathlib.Path(options.folder) / "config.json").read_text())
kind = {"bf16": gguf.GGMLQuantizationType.BF16, "q8_0": gguf.GGMLQuantizationType.Q8_0}[options.dtype]
writer = gguf.GGUFWriter(options.output, "llama")
writer.add_context_length(config["max_position_embeddings"])
writer.add_embedding_length(config["hidden_size"])
writer.add_block_count(config["num_hidden_layers"])
writer.add_feed_forward_length(config["intermediate_size"])
writer.add_head_count(config["num_attention_heads"])
writer.add_head_count_kv(config["num_key_value_heads"])
writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
writer.add_rope_dimension_count(config["hidden_size"] // config["num_attention_heads"])
writer.add_vocab_size(config["vocab_size"])
writer.add_file_type(gguf.LlamaFileType.MOSTLY_BF16 if options.dtype == "bf16" else gguf.LlamaFileType.MOSTLY_Q8_0)
writer.add_tokenizer_model("llama")
special = ["<unk>", "<s>", "</s>"]
# SentencePiece needs its bytes.
tokens = special + [f"<0x{byte:02X}>" for byte in range(256)]
tokens += [f"word{index}" for index in range(len(tokens), config["vocab_size"])]
writer.add_token_list(tokens)
writer.add_token_scores([0.0] * len(tokens))
writer.add_token_types([2, 3, 3] + [6] * 256 + [1] * (len(tokens) - 259))
writer.add_bos_token_id(1)
writer.add_eos_token_id(2)

names = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight"}
parts = {"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
for layer in range(config["num_hidden_layers"]):
    for ours, theirs in parts.items():
        names[f"model.layers.{layer}.{ours}.weight"] = f"blk.{layer}.{theirs}.weight"

with safe_open(str(pathlib.Path(options.folder) / "model.safetensors"), framework="pt") as file:
    for ours, theirs in names.items():
        values = file.get_tensor(ours).to(torch.float32).numpy()
        if values.ndim == 1:
            writer.add_tensor(theirs, values)
        else:
            quantized = gguf.quants.quantize(np.ascontiguousarray(values), kind)
            writer.add_tensor(theirs, quantized, raw_dtype=kind)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
