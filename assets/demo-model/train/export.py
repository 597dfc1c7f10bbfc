#!/usr/bin/env python3
"""Writes a checkpoint as a Hugging Face model directory, and reads both back.

    python export.py build/c/checkpoint.pt build/model

Weights are rounded to bfloat16. Only PyTorch is needed: safetensors is eight bytes of length, a
JSON header, and the tensors' bytes.
"""

import argparse
import json
import struct
import sys
from pathlib import Path

import torch

from model import Llama, Shape
from tokenizer import build, text_of

LAYER_NAMES = {
    "q": "self_attn.q_proj",
    "k": "self_attn.k_proj",
    "v": "self_attn.v_proj",
    "o": "self_attn.o_proj",
    "gate": "mlp.gate_proj",
    "up": "mlp.up_proj",
    "down": "mlp.down_proj",
    "attention_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}


def named_weights(model):
    """{Hugging Face's name: parameter}. The output matrix is the embedding and has no name."""
    weights = {"model.embed_tokens.weight": model.embedding, "model.norm.weight": model.norm}
    for index, layer in enumerate(model.layers):
        for ours, theirs in LAYER_NAMES.items():
            weights[f"model.layers.{index}.{theirs}.weight"] = getattr(layer, ours)
    return weights


def write_safetensors(path, weights):
    header, blobs, offset = {"__metadata__": {"format": "pt"}}, [], 0
    for name in sorted(weights):
        tensor = weights[name].detach().cpu().to(torch.bfloat16).contiguous()
        blob = tensor.view(torch.int16).numpy().astype("<i2").tobytes()
        header[name] = {
            "dtype": "BF16",
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + len(blob)],
        }
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def read_safetensors(path):
    """{name: float32 tensor} of a file of bfloat16 tensors."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    weights = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if entry["dtype"] != "BF16":
            sys.exit(f"{path}: tensor '{name}' is {entry['dtype']}; only BF16 is read here")
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        tensor = torch.frombuffer(bytearray(data[start:end]), dtype=torch.bfloat16)
        weights[name] = tensor.reshape(entry["shape"]).float()
    return weights


def config_of(shape):
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": shape.vocab,
        "hidden_size": shape.hidden,
        "intermediate_size": shape.ffn,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.head_dim,
        "hidden_act": "silu",
        "max_position_embeddings": shape.context,
        "initializer_range": 0.02,
        "rms_norm_eps": shape.epsilon,
        "rope_theta": shape.theta,
        "rope_scaling": None,
        "attention_bias": False,
        "mlp_bias": False,
        "attention_dropout": 0.0,
        "tie_word_embeddings": True,
        "use_cache": True,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pretraining_tp": 1,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.44.0",
    }


def write_model(model, directory):
    """All files of a model directory, the tokenizer's included."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    write_safetensors(directory / "model.safetensors", named_weights(model))
    special = {"bos_token": "<s>", "eos_token": "</s>"}
    small_files = {
        "config.json": config_of(model.shape),
        "generation_config.json": {
            "_from_model_config": True,
            "bos_token_id": 0,
            "eos_token_id": 1,
            "do_sample": False,
            "transformers_version": "4.44.0",
        },
        "tokenizer_config.json": {
            "add_bos_token": True,
            "add_eos_token": False,
            **special,
            "unk_token": None,
            "clean_up_tokenization_spaces": False,
            "model_max_length": model.shape.context,
            "tokenizer_class": "PreTrainedTokenizerFast",
        },
        "special_tokens_map.json": special,
    }
    for name, content in small_files.items():
        (directory / name).write_text(json.dumps(content, indent=2))
    (directory / "tokenizer.json").write_text(text_of(build()))


def load_model(path):
    """A model from a checkpoint of train.py or from a model directory of the shipped shape."""
    path, model = Path(path), Llama()
    if not path.is_dir():
        model.load_state_dict(torch.load(path, weights_only=True))
        return model
    if json.loads((path / "config.json").read_text()) != config_of(Shape()):
        sys.exit(f"{path / 'config.json'}: not the shape of the demo model; see model.Shape")
    weights = read_safetensors(path / "model.safetensors")
    with torch.no_grad():
        for name, parameter in named_weights(model).items():
            parameter.copy_(weights[name])
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint")
    parser.add_argument("directory")
    args = parser.parse_args()
    write_model(load_model(args.checkpoint), args.directory)


if __name__ == "__main__":
    main()
