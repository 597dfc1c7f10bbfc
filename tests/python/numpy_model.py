"""A Llama-architecture model in NumPy float64, written from the published formulas and not from kvreel.

It holds whole n x n attention matrices and no cache, so that policies and what they cost can be stated
in the plainest way: a position that a layer's KV head has lost is a key that later rows may not see.

    model = Model(directory)              # config.json and model.safetensors (F32 or BF16), tied or not
    pass_ = model.run(ids)                # every row sees every row before it
    pass_ = model.run(ids, visible=f)     # f(layer) -> bool [kv_heads, n, n]: row i may see key j

A pass has `logits` [n, vocab] and, for each layer, `layers[l]` with

    attention  [q_heads, n, n]            softmax rows
    queries, queries_unrotated  [q_heads, n, d]
    keys, keys_unrotated        [kv_heads, n, d]
    values                      [kv_heads, n, d]

Only the standard rotary embedding is known, without scaling; another is an error.
"""

import dataclasses
import json
import pathlib
import struct

import numpy as np


@dataclasses.dataclass
class Layer:
    attention: np.ndarray
    queries: np.ndarray
    queries_unrotated: np.ndarray
    keys: np.ndarray
    keys_unrotated: np.ndarray
    values: np.ndarray


@dataclasses.dataclass
class Pass:
    logits: np.ndarray
    layers: list


def read_safetensors(path):
    """Name -> float64 array, of a file of F32 and BF16 tensors."""
    blob = pathlib.Path(path).read_bytes()
    (size,) = struct.unpack("<Q", blob[:8])
    header = json.loads(blob[8 : 8 + size])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        raw = blob[begin:end]
        if entry["dtype"] == "F32":
            values = np.frombuffer(raw, "<f4")
        elif entry["dtype"] == "BF16":
            values = (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view("<f4")
        else:
            raise ValueError(f"{path}: {name} has type {entry['dtype']}")
        tensors[name] = values.astype(np.float64).reshape(entry["shape"])
    return tensors


def softmax(scores):
    """Over the last axis; -inf counts nothing."""
    shifted = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


class Model:
    def __init__(self, directory):
        directory = pathlib.Path(directory)
        self.config = json.loads((directory / "config.json").read_text())
        if self.config.get("rope_scaling"):
            raise ValueError(f"{directory}: rope_scaling is not known here")
        self.weights = read_safetensors(directory / "model.safetensors")
        self.n_layers = self.config["num_hidden_layers"]
        self.q_heads = self.config["num_attention_heads"]
        self.kv_heads = self.config["num_key_value_heads"]
        self.head_dim = self.config.get("head_dim") or self.config["hidden_size"] // self.q_heads
        theta = self.config.get("rope_theta", 10000.0)
        self.inverse_frequencies = theta ** (-np.arange(0, self.head_dim, 2) / self.head_dim)

    def rotate(self, x, positions):
        """x: [..., n, d] at positions [n]: pairs (i, i + d/2) turned by position * frequency."""
        angles = np.asarray(positions)[:, None] * self.inverse_frequencies
        cos, sin = np.cos(angles), np.sin(angles)
        half = self.head_dim // 2
        a, b = x[..., :half], x[..., half:]
        return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)

    def norm(self, x, name):
        mean_square = np.mean(x * x, axis=-1, keepdims=True)
        return x / np.sqrt(mean_square + self.config["rms_norm_eps"]) * self.weights[name]

    def project(self, x, prefix, part):
        y = x @ self.weights[f"{prefix}.{part}.weight"].T
        bias = self.weights.get(f"{prefix}.{part}.bias")
        return y if bias is None else y + bias

    def heads(self, x, count):
        """[n, count * d] -> [count, n, d]"""
        return x.reshape(len(x), count, self.head_dim).transpose(1, 0, 2)

    def run(self, ids, visible=None):
        n = len(ids)
        embedding = self.weights["model.embed_tokens.weight"]
        x = embedding[np.asarray(ids)]
        causal = np.tril(np.ones((n, n), dtype=bool))
        group = self.q_heads // self.kv_heads
        layers = []
        for index in range(self.n_layers):
            prefix = f"model.layers.{index}"
            normed = self.norm(x, f"{prefix}.input_layernorm.weight")
            q = self.heads(self.project(normed, f"{prefix}.self_attn", "q_proj"), self.q_heads)
            k = self.heads(self.project(normed, f"{prefix}.self_attn", "k_proj"), self.kv_heads)
            v = self.heads(self.project(normed, f"{prefix}.self_attn", "v_proj"), self.kv_heads)
            rotated_q, rotated_k = self.rotate(q, np.arange(n)), self.rotate(k, np.arange(n))
            seen = np.broadcast_to(causal, (self.kv_heads, n, n))
            if visible is not None:
                seen = seen & visible(index)
            scores = rotated_q @ np.repeat(rotated_k, group, axis=0).transpose(0, 2, 1)
            scores = scores / np.sqrt(self.head_dim)
            attention = softmax(np.where(np.repeat(seen, group, axis=0), scores, -np.inf))
            mixed = attention @ np.repeat(v, group, axis=0)
            joined = mixed.transpose(1, 0, 2).reshape(n, self.q_heads * self.head_dim)
            x = x + self.project(joined, f"{prefix}.self_attn", "o_proj")
            normed = self.norm(x, f"{prefix}.post_attention_layernorm.weight")
            gate = self.project(normed, f"{prefix}.mlp", "gate_proj")
            up = self.project(normed, f"{prefix}.mlp", "up_proj")
            x = x + self.project(gate / (1 + np.exp(-gate)) * up, f"{prefix}.mlp", "down_proj")
            layers.append(Layer(attention, rotated_q, q, rotated_k, k, v))
        final = self.norm(x, "model.norm.weight")
        head = self.weights.get("lm_head.weight", embedding)
        return Pass(final @ head.T, layers)

    def generate(self, ids, count, visible=None, stop=()):
        """`count` greedy tokens after ids. visible(layer, n) -> bool [kv_heads, n, n] or None."""
        ids = list(ids)
        produced = []
        for _ in range(count):
            seen = None if visible is None else (lambda layer: visible(layer, len(ids)))
            token = int(np.argmax(self.run(ids, seen).logits[-1]))
            produced.append(token)
            ids.append(token)
            if token in stop:
                break
        return produced


def sees_kept(n, prompt, kept):
    """The mask of a cache that was cut after prefill: bool [kv_heads, n, n].

    kept: for each KV head, the positions of the prompt that stay. Rows of the prompt see all before
    them; later rows see what was kept, and every later row.
    """
    visible = np.ones((len(kept), n, n), dtype=bool)
    for head, positions in enumerate(kept):
        gone = np.setdiff1d(np.arange(prompt), np.asarray(list(positions), dtype=int))
        visible[head, prompt:, gone] = False
    return visible
