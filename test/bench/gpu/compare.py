#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same shapes with the usual software, for comparison: transformers with torch.compile, one chunk at a time, on one GPU.

usage: compare.py [--shape 32b|7b] [--chunks 24] [--frames 6] [--width 1280] [--height 720] [--answer 250] [--eager]
Random weights in bfloat16 from the configuration, so nothing is downloaded. Prints a line per chunk, and JSON at the end. Needs
torch with CUDA and transformers with Qwen2.5-VL (4.49 or newer)."""
import argparse
import json
import sys
import time

SHAPES = {
    "7b": dict(hidden_size=3584, intermediate_size=18944, num_hidden_layers=28, num_attention_heads=28, num_key_value_heads=4,
               vision_intermediate=3420),
    "32b": dict(hidden_size=5120, intermediate_size=27648, num_hidden_layers=64, num_attention_heads=40, num_key_value_heads=8,
                vision_intermediate=3456),
}
PAD, START, END = 151655, 151652, 151653  # the position of a picture, and the tokens around it


def build(torch, transformers, shape):
    s = dict(SHAPES[shape])
    inner = s.pop("vision_intermediate")
    config = transformers.Qwen2_5_VLConfig(
        vocab_size=152064, tie_word_embeddings=False, rope_scaling={"type": "mrope", "mrope_section": [16, 24, 24]}, **s,
        vision_config=dict(depth=32, hidden_size=1280, intermediate_size=inner, num_heads=16, out_hidden_size=s["hidden_size"],
                           fullatt_block_indexes=[7, 15, 23, 31]))
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"):
        return transformers.Qwen2_5_VLForConditionalGeneration(config).eval()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--shape", choices=SHAPES, default="32b")
    for name, default in (("chunks", 24), ("frames", 6), ("width", 1280), ("height", 720), ("answer", 250)):
        p.add_argument(f"--{name}", type=int, default=default)
    p.add_argument("--eager", action="store_true", help="without torch.compile")
    a = p.parse_args()
    try:
        import torch
        import transformers
    except ImportError as e:
        sys.exit(f"not run: {e}")
    if not torch.cuda.is_available():
        sys.exit("not run: torch sees no GPU")
    model = build(torch, transformers, a.shape)
    if not a.eager:
        model.forward = torch.compile(model.forward, dynamic=True)
    rows, columns = round(a.height / 28) * 2, round(a.width / 28) * 2
    grid = torch.tensor([[1, rows, columns]] * a.frames, device="cuda")
    pixels = torch.randn(a.frames * rows * columns, 1176, device="cuda", dtype=torch.bfloat16)
    picture = [START] + [PAD] * (rows * columns // 4) + [END]
    ids = torch.tensor([list(range(100, 500)) + picture * a.frames + list(range(500, 520))], device="cuda")
    times = []
    for i in range(a.chunks):
        torch.cuda.synchronize()
        began = time.monotonic()
        with torch.inference_mode():
            model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), pixel_values=pixels, image_grid_thw=grid,
                           do_sample=False, min_new_tokens=a.answer, max_new_tokens=a.answer)
        torch.cuda.synchronize()
        times.append(time.monotonic() - began)
        print(f"chunk {i + 1}: {times[-1]:.2f} s", flush=True)
    print(json.dumps({"shape": a.shape, "chunks": a.chunks, "frames": a.frames, "total_s": round(sum(times), 1),
                      "first_s": round(times[0], 2), "median_s": round(sorted(times)[len(times) // 2], 2),
                      "memory_peak_share": round(torch.cuda.max_memory_allocated() /
                                                 torch.cuda.get_device_properties(0).total_memory, 3)}))


if __name__ == "__main__":
    main()
