#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a checkpoint of the two GGUF files, from which train.py continues: the reverse of export.py.

    restore.py FOLDER CHECKPOINT STAGE    STAGE: the last stage of the training that is complete

Weights come back as they are stored, in f16. Tokens that the vocabulary did not have yet get new rows, and auxiliary heads
start anew, since the files do not contain them."""
import sys
from pathlib import Path

import torch

import gguf
from export import text_tensors, vision_tensors
from net import Net
from tokenizer import TOKENS


def rows(fresh, stored, tokens):
    """Rows of a table by token: those that are stored, else fresh ones."""
    at = {t: i for i, t in enumerate(tokens)}
    return torch.stack([stored[at[t]] if t in at else fresh[i] for i, t in enumerate(TOKENS)])


def main():
    folder, checkpoint, stage = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    values, stored = gguf.read(folder / "demo.gguf")
    stored |= gguf.read(folder / "mmproj-demo.gguf")[1]
    stored = {k: torch.from_numpy(v) for k, v in stored.items()}
    net = Net()
    state = net.state_dict()
    # export.py is run on numbers of elements instead of weights, which shows where each element comes from.
    sizes = torch.cumsum(torch.tensor([0] + [v.numel() for v in state.values()]), 0)
    numbers = {k: torch.arange(a, a + v.numel()).view(v.shape) for (k, v), a in zip(state.items(), sizes.tolist())}
    flat = torch.cat([v.flatten() for v in state.values()])
    for name, where in {**text_tensors(numbers), **vision_tensors(numbers)}.items():
        new = stored[name]
        if name in ("token_embd.weight", "output.weight"):
            new = rows(flat[where], new, values["tokenizer.ggml.tokens"])
        flat[where.flatten()] = new.flatten().float()
    net.load_state_dict({k: flat[numbers[k]] for k in state})
    torch.save({**{f"net.{k}": v for k, v in net.state_dict().items()}, "done": (stage, 10**9, None)}, checkpoint)


if __name__ == "__main__":
    main()
