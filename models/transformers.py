"""Transformers: a small one for images, and GPT-2's smallest, reading a prompt or saying one more token."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from cutlayer.models import NETWORKS
from cutlayer.models.layers import Published


class Block(nn.Module):
    """Attention and two fully connected layers, each with normalisation before and a skip around.

    With `cache`, an axis of so many places, keys and values are kept in buffers: new ones go to the places from
    `begin` on, and attention sees all up to there.
    """

    keys: Tensor
    values: Tensor

    def __init__(self, width: int, heads: int, *, cache: int = 0, begin: int = 0, eps: float = 1e-5) -> None:
        super().__init__()
        self.heads, self.cache, self.begin = heads, cache, begin
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=eps), nn.LayerNorm(width, eps=eps)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.gelu = nn.GELU("tanh" if cache else "none")
        if cache:
            for name in ("keys", "values"):
                self.register_buffer(name, torch.zeros(1, heads, cache, width // heads), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the tokens after this block: (batch, tokens, width)."""
        batch, length, width = tokens.shape
        shape = (batch, length, 3, self.heads, width // self.heads)
        query, key, value = self.qkv(self.norm1(tokens)).view(shape).permute(2, 0, 3, 1, 4).unbind(0)
        if self.cache:
            end = self.begin + length
            self.keys[:, :, self.begin : end] = key
            self.values[:, :, self.begin : end] = value
            key, value = self.keys[:, :, :end], self.values[:, :, :end]
        seen = scaled_dot_product_attention(query, key, value, is_causal=self.cache > 0 and length > 1)
        tokens = tokens + self.proj(seen.transpose(1, 2).reshape(batch, length, width))
        return tokens + self.fc2(self.gelu(self.fc1(self.norm2(tokens))))  # type: ignore[no-any-return]


class VisionTransformer(Published):
    """Patches of 16 x 16 pixels and a class token through `depth` blocks."""

    source = "Touvron et al., Training data-efficient image transformers, 2021, arXiv:2012.12877, table 1, DeiT-Ti"
    n_parameters = 5_717_416

    def __init__(self, depth: int = 12, width: int = 192, heads: int = 3) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 16, 16)
        self.first = nn.Parameter(torch.zeros(1, 1, width))
        self.places = nn.Parameter(0.02 * torch.randn(1, 197, width))
        self.blocks = nn.Sequential(*(Block(width, heads, eps=1e-6) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, 1000)

    def forward(self, frames: Tensor) -> Tensor:
        """Return the 1,000 scores of every frame."""
        patches = self.patches(frames).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.first.expand(len(frames), -1, -1), patches], 1) + self.places
        return self.head(self.norm(self.blocks(tokens))[:, 0])  # type: ignore[no-any-return]


class Gpt2(Published):
    """The smallest GPT-2: tokens `begin` to `begin` + n of a text; the scores of the token that follows.

    Keys and values of all tokens up to there are kept where their layer runs: they do not cross.
    """

    source = "Radford et al., Language models are unsupervised multitask learners, 2019, table 2"
    n_parameters = 124_439_808

    def __init__(self, tokens: int, begin: int) -> None:
        super().__init__()
        self.inputs = f"tokens={tokens}:int64"
        self.begin = begin
        self.tokens, self.places = nn.Embedding(50_257, 768), nn.Embedding(1_024, 768)
        self.blocks = nn.Sequential(*(Block(768, 12, cache=begin + tokens, begin=begin) for _ in range(12)))
        self.norm = nn.LayerNorm(768)
        self.head = nn.Linear(768, 50_257, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the scores of the next token: (batch, 50257)."""
        places = torch.arange(self.begin, self.begin + tokens.shape[1])
        hidden = self.blocks(self.tokens(tokens) + self.places(places))
        return self.head(self.norm(hidden[:, -1]))  # type: ignore[no-any-return]


@NETWORKS.register("vit-tiny")
def vit_tiny() -> VisionTransformer:
    """ViT-Tiny (DeiT-Ti) at 224 x 224: 197 tokens."""
    return VisionTransformer()


@NETWORKS.register("gpt-2-prefill")
def gpt_2_prefill() -> Gpt2:
    """GPT-2 (124 M parameters) reading a prompt of 128 tokens."""
    return Gpt2(128, 0)


@NETWORKS.register("gpt-2-decode")
def gpt_2_decode() -> Gpt2:
    """GPT-2 (124 M parameters) reading one more token, after 128."""
    return Gpt2(1, 128)
