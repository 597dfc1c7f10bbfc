"""The demo model for training: a small Llama in plain PyTorch, tied embeddings, grouped queries.

The exported weights mean what Hugging Face's LlamaForCausalLM means by them: rotary halves, not
pairs; RMSNorm with the epsilon inside the root; SwiGLU.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F


@dataclass(frozen=True)
class Shape:
    """The shipped model's shape."""

    vocab: int = 720  # 715 used, rounded up to a multiple of 8
    hidden: int = 128
    layers: int = 4
    heads: int = 8
    kv_heads: int = 4
    head_dim: int = 16
    ffn: int = 256
    theta: float = 10000.0
    epsilon: float = 1e-5
    context: int = 512


def rotary_tables(shape, length, device=None):
    """cos and sin of the angles, [length, head_dim], each frequency in both halves."""
    steps = torch.arange(0, shape.head_dim, 2, device=device).float() / shape.head_dim
    angles = torch.outer(torch.arange(length, device=device).float(), 1.0 / shape.theta**steps)
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos(), angles.sin()


def rotate(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-second, first], dim=-1) * sin


class Layer(torch.nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        into_stream = 1 / math.sqrt(2 * shape.layers)  # keeps the residual stream's size
        width, kv_width = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
        self.q = matrix(width, shape.hidden)
        self.k = matrix(kv_width, shape.hidden)
        self.v = matrix(kv_width, shape.hidden)
        self.o = matrix(shape.hidden, width, into_stream)
        self.gate = matrix(shape.ffn, shape.hidden)
        self.up = matrix(shape.ffn, shape.hidden)
        self.down = matrix(shape.hidden, shape.ffn, into_stream)
        self.attention_norm = torch.nn.Parameter(torch.ones(shape.hidden))
        self.ffn_norm = torch.nn.Parameter(torch.ones(shape.hidden))

    def forward(self, x, cos, sin):
        """x: [batch, length, hidden]; cos, sin: [length, head_dim]."""
        x = x + self.attention(norm(x, self.attention_norm, self.shape), cos, sin)
        y = norm(x, self.ffn_norm, self.shape)
        return x + F.linear(F.silu(F.linear(y, self.gate)) * F.linear(y, self.up), self.down)

    def attention(self, y, cos, sin):
        def heads(weight, count):  # [batch, heads, length, head_dim]
            return F.linear(y, weight).unflatten(-1, (count, self.shape.head_dim)).transpose(1, 2)

        group = self.shape.heads // self.shape.kv_heads
        q = rotate(heads(self.q, self.shape.heads), cos, sin)
        k = rotate(heads(self.k, self.shape.kv_heads), cos, sin).repeat_interleave(group, dim=1)
        v = heads(self.v, self.shape.kv_heads).repeat_interleave(group, dim=1)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return F.linear(mixed.transpose(1, 2).flatten(-2), self.o)


def matrix(rows, columns, scale=1.0):
    return torch.nn.Parameter(torch.randn(rows, columns) * scale / math.sqrt(columns))


def norm(x, weight, shape):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + shape.epsilon) * weight


class Llama(torch.nn.Module):
    def __init__(self, shape=Shape(), seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.shape = shape
        self.embedding = torch.nn.Parameter(0.04 * torch.randn(shape.vocab, shape.hidden))
        self.layers = torch.nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = torch.nn.Parameter(torch.ones(shape.hidden))

    def forward(self, ids):
        """ids [batch, length] -> the last hidden states [batch, length, hidden], normed."""
        cos, sin = rotary_tables(self.shape, ids.shape[1], ids.device)
        x = F.embedding(ids, self.embedding)
        for layer in self.layers:
            x = layer(x, cos, sin)
        return norm(x, self.norm, self.shape)

    def logits(self, hidden):
        return F.linear(hidden, self.embedding)

    def matrices(self):
        """The weights Muon trains."""
        return [p for p in self.layers.parameters() if p.dim() == 2]

    def others(self):
        """Embedding and norms, which AdamW trains."""
        vectors = [p for p in self.layers.parameters() if p.dim() == 1]
        return [self.embedding, *vectors, self.norm]
