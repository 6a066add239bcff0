# SPDX-License-Identifier: Apache-2.0
"""The network: a vision transformer, a projector, and a llama-style language model, as the engine computes them."""
import torch
import torch.nn as nn
import torch.nn.functional as F

from tokenizer import TOKENS

VISION = dict(image=96, patch=16, width=128, ff=384, layers=4, heads=4, eps=1e-6, mean=[.5] * 3, std=[.5] * 3)
# A large rope_base, so that positions rotate slowly: heads this narrow must match by content over hundreds of tokens.
TEXT = dict(context=8192, width=128, ff=384, layers=6, heads=4, eps=1e-5, rope_base=1e6)
PATCHES = (VISION["image"] // VISION["patch"]) ** 2


def attention(q, k, v, mask=None):
    scores = (q * q.shape[-1] ** -.5) @ k.transpose(-1, -2)
    if mask is not None:
        scores += mask  # in place: these are the largest tensors
    return (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)


class VisionBlock(nn.Module):
    def __init__(self, width, ff, heads, eps):
        super().__init__()
        self.heads = heads
        self.ln1, self.ln2 = nn.LayerNorm(width, eps=eps), nn.LayerNorm(width, eps=eps)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, ff), nn.Linear(ff, width)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(self.ln1(x)).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        x = x + self.out(attention(q, k, v))
        return x + self.down(F.gelu(self.up(self.ln2(x)), approximate="tanh"))


class Vision(nn.Module):
    """(B, 3, 96, 96) in -1 … 1 to (B, 36, width); patches row by row."""

    def __init__(self):
        super().__init__()
        v = VISION
        self.patch = nn.Linear(3 * v["patch"] ** 2, v["width"])
        self.position = nn.Parameter(torch.randn(PATCHES, v["width"]) * .05)
        self.blocks = nn.ModuleList(VisionBlock(v["width"], v["ff"], v["heads"], v["eps"]) for _ in range(v["layers"]))
        self.norm = nn.LayerNorm(v["width"], eps=v["eps"])

    def forward(self, x):
        p, n = VISION["patch"], VISION["image"] // VISION["patch"]
        x = x.view(-1, 3, n, p, n, p).permute(0, 2, 4, 1, 3, 5).reshape(-1, n * n, 3 * p * p)
        x = self.patch(x) + self.position
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


class RMSNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(width)), eps

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def rope_table(positions, device):
    """Cosine and sine of the rotary positions (…, T)."""
    d = TEXT["width"] // TEXT["heads"]
    angle = positions[..., None].float() * TEXT["rope_base"] ** (-torch.arange(0, d, 2, device=device).float() / d)
    return angle.cos(), angle.sin()


def rope(x, table):
    """Turns the pairs (i, i + d/2) of each head. The engine turns (2i, 2i + 1) instead: export.py reorders the rows of
    the query and key matrices, which is equivalent and lets training work on whole halves."""
    cos, sin = table
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), -1)


class TextBlock(nn.Module):
    def __init__(self, width, ff, heads, eps):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = RMSNorm(width, eps), RMSNorm(width, eps)
        self.q, self.k, self.v, self.out = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.gate, self.up = nn.Linear(width, ff, bias=False), nn.Linear(width, ff, bias=False)
        self.down = nn.Linear(ff, width, bias=False)

    def forward(self, x, mask, table, cache=None):
        b, t, d = x.shape
        y = self.norm1(x)
        q, k, v = (f(y).view(b, t, self.heads, d // self.heads).transpose(1, 2) for f in (self.q, self.k, self.v))
        q, k = rope(q, table), rope(k, table)
        if cache is not None:
            if cache:
                k, v = torch.cat((cache["k"], k), 2), torch.cat((cache["v"], v), 2)
            cache.update(k=k, v=v)
        x = x + self.out(attention(q, k, v, mask))
        y = self.norm2(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        t = TEXT
        self.vision = Vision()
        self.project = nn.Sequential(nn.Linear(VISION["width"], t["width"]), nn.GELU(approximate="tanh"),
                                     nn.Linear(t["width"], t["width"]))
        self.embed = nn.Embedding(len(TOKENS), t["width"])
        nn.init.normal_(self.embed.weight, std=.5)
        self.blocks = nn.ModuleList(TextBlock(t["width"], t["ff"], t["heads"], t["eps"]) for _ in range(t["layers"]))
        self.norm = RMSNorm(t["width"], t["eps"])
        self.head = nn.Linear(t["width"], len(TOKENS), bias=False)

    def text(self, x, positions, mask, cache=None, taps=(), keep=None):
        """Runs the language model over embeddings (B, T, width); also returns the output of the blocks `taps`.
        keep: for training only, the positions that the blocks after the first of `taps` still see."""
        table, tapped = rope_table(positions, x.device), []
        for i, block in enumerate(self.blocks):
            x = block(x, mask, table, None if cache is None else cache[i])
            if i in taps:
                tapped.append(x)
                if keep is not None and i == taps[0]:
                    x, mask, table = x[:, keep], mask[..., keep, :][..., keep], [t[..., keep, :] for t in table]
        return self.norm(x), tapped

    @torch.no_grad()
    def answer(self, ids, pictures, limit=400):
        """Greedy answer, as the engine computes it. ids: the prompt, with -1 at the position of each picture."""
        parts, next_picture = [], 0
        seen = self.project(self.vision(pictures)) if len(pictures) else None
        for i in ids:
            parts.append(self.embed(torch.tensor([i])) if i >= 0 else seen[next_picture])
            next_picture += i < 0
        x, cache, out = torch.cat(parts)[None], [{} for _ in self.blocks], []
        n = x.shape[1]
        last = self.head(self.text(x, torch.arange(n), torch.full((n, n), -1e9).triu(1), cache)[0])[0, -1]
        while len(out) < limit:
            token = int(last.argmax())
            if token == 2:  # <|im_end|>
                break
            out.append(token)
            last = self.head(self.text(self.embed(torch.tensor([[token]])), torch.tensor([n]), None, cache)[0])[0, -1]
            n += 1
        return out
