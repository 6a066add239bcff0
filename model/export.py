#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a checkpoint as the two GGUF files that the engine loads: the language model and the projector.

    export.py CHECKPOINT FOLDER         writes demo.gguf and mmproj-demo.gguf, in f16, and SHA256SUMS
    export.py CHECKPOINT FOLDER q8_0    also writes demo-q8_0.gguf, or another type that llama-quantize ($LLAMA_QUANTIZE,
                                        or from PATH) can make; the projector stays f16"""
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import torch

import gguf
import tokenizer as K
from net import TEXT, VISION, Net

NAME = "vdet-demo"
F16_FILE = 1  # "mostly f16"


def text_values():
    return {
        "general.architecture": "llama", "general.type": "model", "general.name": NAME,
        "general.file_type": F16_FILE,
        "general.license": "apache-2.0",
        "llama.context_length": TEXT["context"], "llama.embedding_length": TEXT["width"],
        "llama.block_count": TEXT["layers"], "llama.feed_forward_length": TEXT["ff"],
        "llama.attention.head_count": TEXT["heads"], "llama.attention.head_count_kv": TEXT["heads"],
        "llama.attention.layer_norm_rms_epsilon": TEXT["eps"],
        "llama.rope.dimension_count": TEXT["width"] // TEXT["heads"], "llama.rope.freq_base": TEXT["rope_base"],
        "llama.vocab_size": len(K.TOKENS),
        "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "gpt-2", "tokenizer.ggml.tokens": K.TOKENS,
        "tokenizer.ggml.token_type": K.TYPES, "tokenizer.ggml.merges": [f"{a} {b}" for a, b in K.MERGES],
        "tokenizer.ggml.bos_token_id": K.START, "tokenizer.ggml.eos_token_id": K.END,
        "tokenizer.ggml.padding_token_id": K.PAD,
        "tokenizer.ggml.add_bos_token": False, "tokenizer.ggml.add_eos_token": False,
        "tokenizer.chat_template": (Path(__file__).parent / "chat-template.jinja").read_text(),
    }


def vision_values():
    return {
        "general.architecture": "clip", "general.type": "mmproj", "general.name": NAME,
        "general.file_type": F16_FILE,
        "clip.has_vision_encoder": True, "clip.has_audio_encoder": False,
        "clip.projector_type": "mlp", "clip.use_gelu": True,  # the tanh form
        "clip.vision.image_size": VISION["image"], "clip.vision.patch_size": VISION["patch"],
        "clip.vision.embedding_length": VISION["width"], "clip.vision.feed_forward_length": VISION["ff"],
        "clip.vision.block_count": VISION["layers"], "clip.vision.attention.head_count": VISION["heads"],
        "clip.vision.attention.layer_norm_epsilon": VISION["eps"], "clip.vision.projection_dim": TEXT["width"],
        "clip.vision.image_mean": VISION["mean"], "clip.vision.image_std": VISION["std"],
        "clip.vision.feature_layer": [VISION["layers"]],  # without it the engine would skip the last block
    }


def interleave(m):
    """Reorders the rows of a query or key matrix from our order of rotary pairs to that of the engine (net.rope)."""
    h = TEXT["heads"]
    return m.reshape(h, 2, -1, m.shape[1]).transpose(1, 2).reshape(m.shape)


def text_tensors(w):
    out = {"token_embd.weight": w["embed.weight"], "output_norm.weight": w["norm.weight"],
           "output.weight": w["head.weight"]}
    names = {"norm1": "attn_norm", "q": "attn_q", "k": "attn_k", "v": "attn_v", "out": "attn_output",
             "norm2": "ffn_norm", "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down"}
    for i in range(TEXT["layers"]):
        for ours, theirs in names.items():
            m = w[f"blocks.{i}.{ours}.weight"]
            out[f"blk.{i}.{theirs}.weight"] = interleave(m) if ours in "qk" else m
    return out


def vision_tensors(w):
    p, d = VISION["patch"], VISION["width"]
    out = {"v.patch_embd.weight": w["vision.patch.weight"].reshape(d, 3, p, p),
           "v.patch_embd.bias": w["vision.patch.bias"], "v.position_embd.weight": w["vision.position"]}
    names = {"vision.norm": "v.post_ln", "project.0": "mm.0", "project.2": "mm.2"}
    for i in range(VISION["layers"]):
        for ours, theirs in {"ln1": "ln1", "ln2": "ln2", "out": "attn_out", "up": "ffn_up", "down": "ffn_down"}.items():
            names[f"vision.blocks.{i}.{ours}"] = f"v.blk.{i}.{theirs}"
    for ours, theirs in names.items():
        for part in ("weight", "bias"):
            out[f"{theirs}.{part}"] = w[f"{ours}.{part}"]
    for i in range(VISION["layers"]):
        for j, part in enumerate("qkv"):
            for kind in ("weight", "bias"):
                out[f"v.blk.{i}.attn_{part}.{kind}"] = w[f"vision.blocks.{i}.qkv.{kind}"][j * d:(j + 1) * d]
    return out


def load(path):
    net = Net()
    state = torch.load(path, map_location="cpu")
    net.load_state_dict({k.removeprefix("net."): v for k, v in state.items() if k.startswith("net.")})
    return net.eval()


def quantize(folder, kind):
    tool, path = os.environ.get("LLAMA_QUANTIZE", "llama-quantize"), folder / f"demo-{kind}.gguf"
    subprocess.run([tool, folder / "demo.gguf", path, kind], check=True, capture_output=True)
    return path


def main():
    checkpoint, folder, kinds = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    folder.mkdir(parents=True, exist_ok=True)
    w = load(checkpoint).state_dict()
    files = []
    for name, values, tensors in (("demo", text_values(), text_tensors(w)),
                                  ("mmproj-demo", vision_values(), vision_tensors(w))):
        files.append(folder / f"{name}.gguf")
        gguf.write(files[-1], values, {k: v.float().numpy() for k, v in tensors.items()})
    files += [quantize(folder, kind) for kind in kinds]
    for path in files:
        print(path, path.stat().st_size, "bytes")
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(sums))


if __name__ == "__main__":
    main()
