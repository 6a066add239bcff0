#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a model file for whisper.cpp that knows nothing: every layer is zero, so that what it says depends on the
position in the text alone. There it says the words of SAID between two timestamps, whatever the sound. It is what
tests start the real whisper-server with.

    whisper_model.py FILE [SECONDS WORD…]"""
import array
import struct
import sys
from pathlib import Path

MAGIC, STATE, VOCABULARY, TEXT_TOKENS, CONTEXT, SOUND, MELS, FFT = 0x67676D6C, 32, 51865, 50257, 448, 1500, 80, 201
END, BEGIN = 50257, 50364  # the tokens <|endoftext|> and <|0.00|>
PROMPT = 3  # <|startoftranscript|>, language, task
SAID = ("hello", "from", "the", "empty", "model")


def code(n):
    """A direction of its own for each number below STATE, with a mean of zero, as rows of a Hadamard matrix have."""
    return [1.0 if bin(i & n).count("1") % 2 == 0 else -1.0 for i in range(STATE)]


def tensor(out, name, shape, data=None):
    """One tensor of 32-bit floats; `shape` is in the order of ggml, the row first."""
    n = 1
    for d in shape:
        n *= d
    out.write(struct.pack("<iii", len(shape), len(name), 0) + struct.pack(f"<{len(shape)}i", *shape) + name.encode())
    out.write(data if data is not None else bytes(4 * n))


def block(out, prefix, crossing):
    for norm in ["attn_ln"] + (["cross_attn_ln"] if crossing else []) + ["mlp_ln"]:
        tensor(out, f"{prefix}.{norm}.weight", [STATE])
        tensor(out, f"{prefix}.{norm}.bias", [STATE])
    for attention in ["attn"] + (["cross_attn"] if crossing else []):
        for part in ("query", "key", "value", "out"):
            tensor(out, f"{prefix}.{attention}.{part}.weight", [STATE, STATE])
            if part != "key":
                tensor(out, f"{prefix}.{attention}.{part}.bias", [STATE])
    tensor(out, f"{prefix}.mlp.0.weight", [STATE, 4 * STATE])
    tensor(out, f"{prefix}.mlp.0.bias", [4 * STATE])
    tensor(out, f"{prefix}.mlp.2.weight", [4 * STATE, STATE])
    tensor(out, f"{prefix}.mlp.2.bias", [STATE])


def words_of(said):
    """The vocabulary: the words of `said` first, then names that stand for nothing."""
    return [b" "] + [(" " + w).encode() for w in said] + [b"<%d>" % i for i in range(len(said) + 1, TEXT_TOKENS)]


def tables(said, seconds):
    """What each token and each position stands for: token k of what is said, and nothing else, is near position
    PROMPT + k - 1, which is where it is to be said."""
    tokens = [BEGIN] + list(range(1, len(said) + 1)) + [BEGIN + int(seconds * 50), END]
    embedding = array.array("f", bytes(4 * STATE * VOCABULARY))
    positions = array.array("f", bytes(4 * STATE * CONTEXT))
    for k, token in enumerate(tokens):
        direction = array.array("f", code(k + 1))
        embedding[STATE * token:STATE * (token + 1)] = direction
        last = k == len(tokens) - 1
        for at in range(PROMPT + k - 1, CONTEXT if last else PROMPT + k):
            positions[STATE * at:STATE * (at + 1)] = array.array("f", [100 * x for x in direction])
    return embedding.tobytes(), positions.tobytes()


def write(path, said=SAID, seconds=2.0):
    if len(said) > STATE - 5:
        raise ValueError("too many words")
    embedding, positions = tables(said, seconds)
    with open(path, "wb") as out:
        out.write(struct.pack("<I11i", MAGIC, VOCABULARY, SOUND, STATE, 1, 1, CONTEXT, STATE, 1, 1, MELS, 0))
        out.write(struct.pack("<ii", MELS, FFT) + bytes(4 * MELS * FFT))
        out.write(struct.pack("<i", TEXT_TOKENS))
        for word in words_of(said):
            out.write(struct.pack("<I", len(word)) + word)

        tensor(out, "encoder.positional_embedding", [STATE, SOUND])
        tensor(out, "encoder.conv1.weight", [3, MELS, STATE])
        tensor(out, "encoder.conv1.bias", [1, STATE])
        tensor(out, "encoder.conv2.weight", [3, STATE, STATE])
        tensor(out, "encoder.conv2.bias", [1, STATE])
        tensor(out, "encoder.ln_post.weight", [STATE])
        tensor(out, "encoder.ln_post.bias", [STATE])
        block(out, "encoder.blocks.0", False)
        tensor(out, "decoder.positional_embedding", [STATE, CONTEXT], positions)
        tensor(out, "decoder.token_embedding.weight", [STATE, VOCABULARY], embedding)
        tensor(out, "decoder.ln.weight", [STATE], array.array("f", [1.0] * STATE).tobytes())
        tensor(out, "decoder.ln.bias", [STATE])
        block(out, "decoder.blocks.0", True)
    return Path(path)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    write(sys.argv[1], *([sys.argv[3:], float(sys.argv[2])] if len(sys.argv) > 3 else []))
