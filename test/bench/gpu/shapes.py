#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Models with the shapes of real ones and random weights: equal speed and size, meaningless answers.

usage: shapes.py FOLDER SHAPE [--quantize q4_k_m|q8_0|f16|bf16] [--seed N]
SHAPE: 7b, 32b (Qwen2.5-VL's), tiny (a few million parameters, for tests). Writes SHAPE-QUANTIZE.gguf and its projector
mmproj-SHAPE-f16.gguf, and prints their paths. Blocks are written as the engine stores them, so that the time depends on
the disk only. The tokenizer has the 256 bytes and unused tokens: what the model writes is valid text, nothing else.

Speed and memory of an engine depend on the shapes and the storage of tensors, not on their values. One thing does depend
on them: the length of an answer. This model writes random letters; the schema makes them JSON, which ends by chance, or at
the limit of tokens. So figures are valid for answers of the length that they had, and the table contains that length."""
import argparse
import json
import struct
from pathlib import Path

import numpy as np

ALIGN = 32
F32, F16, Q8_0, Q4_K, Q6_K, BF16 = 0, 1, 8, 12, 14, 30
BLOCK = {F32: (1, 4), F16: (1, 2), BF16: (1, 2), Q8_0: (32, 34), Q4_K: (256, 144), Q6_K: (256, 210)}
FILE_TYPE = {"f16": 1, "q8_0": 7, "q4_k_m": 15, "bf16": 32}

SHAPES = {
    "tiny": dict(layers=4, width=256, ff=512, heads=4, kv=2, vocab=512, context=32768, sections=[8, 12, 12, 0],
                 vision=dict(layers=4, width=160, ff=288, heads=2, window=2)),
    "7b": dict(layers=28, width=3584, ff=18944, heads=28, kv=4, vocab=152064, context=128000, sections=[16, 24, 24, 0],
               vision=dict(layers=32, width=1280, ff=3420, heads=16, window=8)),
    "32b": dict(layers=64, width=5120, ff=27648, heads=40, kv=8, vocab=152064, context=128000, sections=[16, 24, 24, 0],
                vision=dict(layers=32, width=1280, ff=3456, heads=16, window=8)),
}
SAID = 95  # printable ASCII, which comes first
CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>",
           "<|video_pad|>"]
TEMPLATE = ("{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}"
            "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")


# ---- the header

def string(s):
    b = s.encode()
    return struct.pack("<Q", len(b)) + b


def value(v):
    """Float arrays become float32; integers are unsigned if single, signed in arrays, as the engine requires."""
    if isinstance(v, bool):
        return struct.pack("<I?", 7, v)
    if isinstance(v, int):
        return struct.pack("<II", 4, v)
    if isinstance(v, float):
        return struct.pack("<If", 6, v)
    if isinstance(v, str):
        return struct.pack("<I", 8) + string(v)
    kind, items = ((5, struct.pack(f"<{len(v)}i", *v)) if isinstance(v[0], int) else
                   (6, struct.pack(f"<{len(v)}f", *v)) if isinstance(v[0], float) else
                   (8, b"".join(map(string, v))))
    return struct.pack("<IIQ", 9, kind, len(v)) + items


def tokens(vocab):
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    other = [b for b in range(256) if b not in plain]
    names = {**{b: chr(b) for b in plain}, **{b: chr(256 + i) for i, b in enumerate(other)}}
    said = list(range(32, 127))
    text = [names[b] for b in said + [b for b in range(256) if b not in said]] + ["th"]
    fill = [f"<|filler{i}|>" for i in range(vocab - len(text) - len(CONTROL))]
    return text + fill + CONTROL, [1] * len(text) + [5] * len(fill) + [3] * len(CONTROL)


# ---- tensors

class Dice:
    """Random blocks: one tile of each kind is made, and written repeatedly from different offsets."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.tiles = {}

    def tile(self, kind, scale):
        if (kind, scale) not in self.tiles:
            n = 1 << 15  # blocks, or numbers times 64
            size = BLOCK[kind][1]
            if kind in (F32, F16, BF16):
                a = self.random.normal(0, scale, n * 64).astype(np.float32)
                data = (a if kind == F32 else a.astype(np.float16) if kind == F16
                        else (a.view(np.uint32) >> 16).astype(np.uint16))
                self.tiles[kind, scale] = data.tobytes()
            else:
                a = self.random.integers(0, 256, (n, size), dtype=np.uint8)
                # Scales are chosen separately: random bits there could be infinite.
                half = lambda x: np.frombuffer(np.float16(x).tobytes(), np.uint8)  # noqa: E731
                if kind == Q8_0:  # scale, then 32 signed bytes
                    a[:, :2] = half(scale / 73)
                elif kind == Q4_K:  # scale, scale of the minima, 12 bytes of six-bit scales, 128 of four-bit numbers
                    a[:, :2], a[:, 2:4] = half(scale / 150), half(scale / 20)
                else:  # Q6_K: 192 bytes of six-bit numbers, 16 signed scales, scale
                    a[:, 208:] = half(scale / 1300)
                self.tiles[kind, scale] = a.tobytes()
        return self.tiles[kind, scale]

    def write(self, f, kind, elements, scale):
        per, size = BLOCK[kind]
        left, tile = elements // per * size, self.tile(kind, scale)
        at = int(self.random.integers(0, len(tile) // size)) * size
        while left:
            part = tile[at:at + left]
            f.write(part)
            left, at = left - len(part), 0


def kind_for(name, shape, quantize, layer, layers):
    """As llama-quantize chooses: vectors in f32; of q4_k_m, some matrices in six bits. Rows that cannot be divided into the
    blocks use the next kind that can."""
    if len(shape) == 1:
        return F32
    if quantize in ("f16", "bf16"):
        return F16 if quantize == "f16" else BF16
    kind = Q8_0
    if quantize == "q4_k_m":
        more = layer is not None and (layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2)
        kind = Q6_K if name == "output.weight" or (more and ("attn_v" in name or "ffn_down" in name)) else Q4_K
    return next((k for k in (kind, Q8_0) if shape[0] % BLOCK[k][0] == 0), F16)


def write(path, values, tensors, quantize, layers, dice):
    """tensors: {name: (shape as the engine counts it, the first running fastest; standard deviation, or "one")}"""
    stored, at = {}, 0
    for name, (shape, scale) in tensors.items():
        layer = int(name.split(".")[1]) if name.startswith("blk.") else None
        kind = kind_for(name, shape, quantize, layer, layers)
        elements = int(np.prod(shape, dtype=np.int64))
        size = elements // BLOCK[kind][0] * BLOCK[kind][1]
        stored[name] = (shape, scale, kind, elements, at)
        at += size + -size % ALIGN
    head = b"GGUF" + struct.pack("<IQQ", 3, len(stored), len(values))
    head += b"".join(string(k) + value(v) for k, v in values.items())
    for name, (shape, _, kind, _, offset) in stored.items():
        head += string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
    with open(path, "wb") as f:
        f.write(head + b"\0" * (-len(head) % ALIGN))
        for name, (shape, scale, kind, elements, _) in stored.items():
            if scale == "one":
                f.write(np.ones(elements, np.float32).tobytes())
            elif name == "output.weight":
                # Only printable bytes are written, among them the quotes and brackets that end an answer. Rows of zeros
                # take as long as others.
                per, size = BLOCK[kind]
                row = shape[0] // per * size
                dice.write(f, kind, SAID * shape[0], scale)
                f.write(b"\0" * row * (shape[1] - SAID))
            else:
                dice.write(f, kind, elements, scale)
            f.write(b"\0" * (-f.tell() % ALIGN))


def text_model(s):
    w, ff, kv = s["width"], s["ff"], s["kv"] * (s["width"] // s["heads"])
    small = 1 / w ** 0.5
    out = {"token_embd.weight": ((w, s["vocab"]), 1.0), "output_norm.weight": ((w,), "one"),
           "output.weight": ((w, s["vocab"]), 4 * small)}
    for i in range(s["layers"]):
        b = f"blk.{i}."
        out |= {b + "attn_norm.weight": ((w,), "one"), b + "ffn_norm.weight": ((w,), "one"),
                b + "attn_q.weight": ((w, w), small), b + "attn_q.bias": ((w,), small),
                b + "attn_k.weight": ((w, kv), small), b + "attn_k.bias": ((kv,), small),
                b + "attn_v.weight": ((w, kv), small), b + "attn_v.bias": ((kv,), small),
                b + "attn_output.weight": ((w, w), small), b + "ffn_gate.weight": ((w, ff), small),
                b + "ffn_up.weight": ((w, ff), small), b + "ffn_down.weight": ((ff, w), 1 / ff ** 0.5)}
    return out


def vision_model(s):
    v, w = s["vision"], s["vision"]["width"]
    small, merged = 1 / w ** 0.5, 4 * w
    out = {"v.patch_embd.weight": ((14, 14, 3, w), 0.02), "v.patch_embd.weight.1": ((14, 14, 3, w), 0.02),
           "v.post_ln.weight": ((w,), "one"),
           "mm.0.weight": ((merged, merged), small / 2), "mm.0.bias": ((merged,), small),
           "mm.2.weight": ((merged, s["width"]), small / 2), "mm.2.bias": ((s["width"],), small)}
    for i in range(v["layers"]):
        b = f"v.blk.{i}."
        out |= {b + "ln1.weight": ((w,), "one"), b + "ln2.weight": ((w,), "one")}
        for name, rows, columns in (("attn_q", w, w), ("attn_k", w, w), ("attn_v", w, w), ("attn_out", w, w),
                                    ("ffn_gate", w, v["ff"]), ("ffn_up", w, v["ff"]), ("ffn_down", v["ff"], w)):
            out |= {f"{b}{name}.weight": ((rows, columns), 1 / rows ** 0.5), f"{b}{name}.bias": ((columns,), 0.01)}
    return out


def text_values(name, s, quantize):
    names, types = tokens(s["vocab"])
    end, control = names.index("<|im_end|>"), names.index("<|endoftext|>")
    return {
        "general.architecture": "qwen2vl", "general.type": "model", "general.name": f"dice-{name}",
        "general.file_type": FILE_TYPE[quantize],
        "qwen2vl.context_length": s["context"], "qwen2vl.embedding_length": s["width"], "qwen2vl.block_count": s["layers"],
        "qwen2vl.feed_forward_length": s["ff"], "qwen2vl.attention.head_count": s["heads"],
        "qwen2vl.attention.head_count_kv": s["kv"], "qwen2vl.attention.layer_norm_rms_epsilon": 1e-6,
        "qwen2vl.rope.freq_base": 1e6, "qwen2vl.rope.dimension_sections": s["sections"],
        "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "qwen2", "tokenizer.ggml.tokens": names,
        "tokenizer.ggml.token_type": types, "tokenizer.ggml.merges": ["t h"], "tokenizer.ggml.bos_token_id": control,
        "tokenizer.ggml.eos_token_id": end, "tokenizer.ggml.padding_token_id": control,
        "tokenizer.ggml.add_bos_token": False, "tokenizer.chat_template": TEMPLATE,
    }


def vision_values(name, s):
    v = s["vision"]
    return {
        "general.architecture": "clip", "general.type": "mmproj", "general.name": f"dice-{name}", "general.file_type": 1,
        "clip.has_vision_encoder": True, "clip.projector_type": "qwen2.5vl_merger", "clip.use_silu": True,
        "clip.vision.image_size": 560, "clip.vision.patch_size": 14, "clip.vision.embedding_length": v["width"],
        "clip.vision.feed_forward_length": v["ff"], "clip.vision.block_count": v["layers"],
        "clip.vision.attention.head_count": v["heads"], "clip.vision.attention.layer_norm_epsilon": 1e-6,
        "clip.vision.projection_dim": s["width"], "clip.vision.n_wa_pattern": v["window"],
        "clip.vision.image_mean": [0.48, 0.46, 0.41], "clip.vision.image_std": [0.27, 0.26, 0.28],
    }


def make(folder, name, quantize, seed=1):
    s, dice = SHAPES[name], Dice(seed)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model, projector = folder / f"{name}-{quantize}.gguf", folder / f"mmproj-{name}-f16.gguf"
    write(model, text_values(name, s, quantize), text_model(s), quantize, s["layers"], dice)
    write(projector, vision_values(name, s), vision_model(s), "f16", 0, dice)
    return model, projector


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("folder", type=Path)
    p.add_argument("shape", choices=SHAPES)
    p.add_argument("--quantize", choices=FILE_TYPE, default="q4_k_m")
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    made = make(a.folder, a.shape, a.quantize, a.seed)
    print(json.dumps({str(path): path.stat().st_size for path in made}, indent=1))
