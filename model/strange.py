# SPDX-License-Identifier: Apache-2.0
"""Pictures that are not of the demo world, from which the model learns to answer that it does not know what it sees.

Drawn at random, in NumPy: overlapping leaves and clouds of all sizes (both have the statistics of photographs), stripes and
checks as in test patterns, pages of writing, snow; and mixtures of two of them."""
import random

import numpy as np
from PIL import Image, ImageDraw

SMALL = 192  # maximum width at which pictures are drawn, before they are enlarged


def colour(rng, grey):
    c = [rng.randrange(256) for _ in range(3)]
    mean = sum(c) / 3
    return tuple(int(mean + (v - mean) * (1 - grey)) for v in c)


def blot(rng, w, h, size):
    x, y = rng.uniform(-.1, 1.1) * w, rng.uniform(-.1, 1.1) * h
    return [x - size * rng.uniform(.3, 1), y - size * rng.uniform(.3, 1), x + size, y + size]


def leaves(rng, w, h):
    grey = rng.choice([0, .5, .8, 1])
    picture = Image.new("RGB", (w, h), colour(rng, grey))
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.randint(20, 160)):
        size = .6 * h / rng.uniform(1, 12)
        box, fill = blot(rng, w, h, size), colour(rng, grey)
        kind = rng.randrange(4)
        if kind == 0:
            draw.ellipse(box, fill)
        elif kind == 1:
            draw.rectangle(box, fill)
        elif kind == 2:
            corners = rng.randint(3, 7)
            draw.polygon([(rng.uniform(*box[::2]), rng.uniform(*box[1::2])) for _ in range(corners)], fill)
        else:
            draw.line(box, fill, rng.randint(1, 1 + w // 30))
    return np.asarray(picture, np.float32)


def clouds(rng, w, h):
    dice = np.random.default_rng(rng.getrandbits(32))
    out, grey = np.zeros((h, w, 3), np.float32), rng.choice([0, .5, 1])
    steep = rng.uniform(.5, 1.2)
    for k in range(1, 7):
        n = 2 ** k
        lot = dice.normal(size=(n, n, 3)).astype(np.float32)
        lot += grey * (lot.mean(2, keepdims=True) - lot)
        for c in range(3):
            out[..., c] += np.asarray(Image.fromarray(lot[..., c]).resize((w, h), Image.BICUBIC)) / n ** steep
    out /= out.std() + 1e-6
    return rng.uniform(70, 170) + rng.uniform(30, 80) * out


def stripes(rng, w, h):
    x, y = np.meshgrid(np.linspace(0, 1, w), np.linspace(0, 1, h))
    angle, n = rng.choice([0, 0, np.pi / 2, rng.uniform(0, np.pi)]), rng.randint(2, 16)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    number = np.floor(along * n) + (np.floor(across * n) * 17 if rng.random() < .4 else 0)
    table = np.array([colour(rng, rng.choice([0, 1])) for _ in range(64)], np.float32)
    if rng.random() < .3:  # a ramp rather than steps
        wave = np.sin(8 * across) if rng.random() < .5 else 1
        return table[0] + (table[1] - table[0]) * (along * wave)[..., None]
    return table[(number % rng.choice([2, 3, 8, 61])).astype(int)]


def page(rng, w, h):
    paper, ink = (235, 30) if rng.random() < .7 else (20, 220)
    picture = Image.new("RGB", (w, h), (paper,) * 3)
    draw = ImageDraw.Draw(picture)
    line = rng.uniform(.05, .15) * h
    for k in range(1, int(h / line)):
        x = rng.uniform(.03, .2) * w
        while x < w * .9 and rng.random() < .93:
            x2 = x + line * rng.uniform(.3, 3)
            for at in np.arange(x, x2, max(1, line / 4)):
                draw.line([at, k * line, at + rng.uniform(-1, 1), (k + rng.uniform(.4, .7)) * line], (ink,) * 3)
            x = x2 + line / 2
    return np.asarray(picture, np.float32)


def snow(rng, w, h):
    dice = np.random.default_rng(rng.getrandbits(32))
    lot = dice.normal(size=(h, w, 1 if rng.random() < .5 else 3))
    return np.broadcast_to(rng.uniform(60, 180) + rng.uniform(30, 90) * lot, (h, w, 3))


KINDS = [leaves, leaves, clouds, clouds, stripes, page, snow]


def picture(seed, width, height):
    """The picture of this seed, as RGB bytes; never so dark that it could count as black, and never of one color."""
    rng = random.Random(seed)
    w, h = (width, height) if width <= SMALL else (SMALL, max(2, SMALL * height // width))
    while True:
        out = rng.choice(KINDS)(rng, w, h)
        if rng.random() < .3:
            share = rng.uniform(.3, .7)
            out = share * out + (1 - share) * rng.choice(KINDS)(rng, w, h)
        out = np.clip(out * rng.uniform(.5, 1.2), 0, 255)
        if out.mean() > 25 and out.std() > 15:
            break
    small = Image.fromarray(out.astype(np.uint8))
    return np.array(small if small.size == (width, height) else small.resize((width, height), Image.BICUBIC))
