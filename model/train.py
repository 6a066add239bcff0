#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the demo model from random weights, on pictures that are drawn meanwhile. See README.md; train.sh calls this.

Stage 1 trains the vision transformer alone: each patch must predict what covers it (colour, shape, position of its
centre) and what surrounds it (place, day or night). Patches that show a thing have a higher weight; without that the
shapes are never learned. Stage 2 trains the language model to answer, first on one picture, then on more, and to sum up
notes. One pass over a window's pictures serves several questions, which are masked from each other. Auxiliary heads,
discarded afterwards, require early what answers consist of: after each picture, what of each colour it shows, and where;
at each mention of a thing, which pictures show it, and where it is in the first and the last; in notes, what was not
mentioned before. Stage 3 repeats all of it, with many notes. Stage 4 adds statements to check to every window, summaries
of lists that cite their entries, and pairs to join; stage 5 repeats all of it, with many pictures. Stage 6 adds questions to
route, answers from findings, and where to look next; stage 7 repeats it. These four leave the vision transformer as it is.

The length of the training is counted in steps, so that it does not depend on the speed or load of the machine. The
checkpoint is written every two minutes and at the end of each stage; --resume continues where it ends."""
import argparse
import itertools
import math
import os
import queue
import random
import threading
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

import lists as L
import questions as Q
import task as T
from net import PATCHES, TEXT, VISION, Net
from scene import BLACK, CLEAR, COLORS, PAD, PLACES, SHAPES, SIZE, STRANGE, content, letterbox
from tokenizer import (ALSO, ASKING, CITE, END, ENDINGS, ENTRIES, ENTRY, ID, LETTERS, MOST, NEXT, NUMBERED, OFTEN, OPEN, PAIRS,
                       REST, SAME, THINGS, TOKENS, VERBS, WHERE, encode)

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
GRID, PATCH = VISION["image"] // VISION["patch"], VISION["patch"]
GLIMPSE = 4
TAPS = 1, 3  # the blocks whose output the auxiliary heads read: of pictures, of mentions
# As the engine's letterbox makes them: 640x360 becomes 96x55, since it rounds up.
SHAPES_OF_PICTURES = [(96, 55)] * 4 + [(96, 54), (96, 73), (96, 72), (96, 96)]
# Weights of tokens in the loss: tokens that always follow are easy, verbs are the hardest; a letter is a whole answer.
WEIGHT = {**{ID[t]: .1 for t in ('{"summary": "', '", "frames": [', '{"frames": [')}, ID["A "]: .6,
          **{ID[t]: 2. for t in VERBS}, **{ID[t]: 3. for t in LETTERS}}
torch.set_flush_denormal(True)  # numbers near zero would slow a CPU down
NOISE = torch.randn(1 << 20).to(DEVICE)  # drawn once: drawing it for each picture costs a fifth of the time


# ---- pictures ----

def pixels(rng, items):
    """items: [(world, times)], each with the same number of times. Letterboxed, with camera effects; -1 … 1."""
    pictures, rects = [], []
    for world, times in items:
        w, h = rng.choice(SHAPES_OF_PICTURES)
        k = 4 if world.overlay else 1  # text is drawn only if it is large enough to be read
        pictures += [letterbox(world.picture(t, w * k, h * k)) for t in times]
        rects.append(content(w, h))
    black = [world.scene(t)[2] == BLACK for world, times in items for t in times]
    black = torch.tensor(black, device=DEVICE).view(-1, 1, 1, 1)
    n, per = len(items), len(items[0][1])
    x = torch.stack([torch.from_numpy(p) for p in pictures]).to(DEVICE).permute(0, 3, 1, 2).float()

    def lot(lo, hi, *shape):
        return torch.empty(n, *shape, 1, 1, 1, device=DEVICE).uniform_(lo, hi).repeat_interleave(per, 0)
    gain = lot(.88, 1.12) * torch.empty(n, 3, 1, 1, device=DEVICE).uniform_(.96, 1.04).repeat_interleave(per, 0)
    blur = (lot(-.7, 1)).clamp(min=0)
    y = x * gain + lot(-4, 4)
    y = y + blur * (F.avg_pool2d(F.pad(y, (1,) * 4, mode="replicate"), 3, 1) - y)
    grain = torch.stack([NOISE[k:k + y[0].numel()] for k in (rng.randrange(len(NOISE) - y[0].numel()) for _ in y)])
    y = y + grain.view_as(y) * lot(-4, 6).clamp(min=0)
    inside = torch.zeros(n, 1, SIZE, SIZE, device=DEVICE)
    for i, (left, top, w, h) in enumerate(rects):
        inside[i, :, top:top + h, left:left + w] = 1
    inside = inside.repeat_interleave(per, 0)
    pad = torch.tensor(PAD, device=DEVICE).float().view(1, 3, 1, 1)
    y = torch.where(black, x, y)
    return (y * inside + pad * (1 - inside)).clamp(0, 255).round() / 127.5 - 1, rects


# ---- stage 1: the vision transformer ----

class PatchHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.color, self.shape, self.at, self.place, self.night = (
            nn.Linear(VISION["width"], n) for n in (7, 4, 4, len(PLACES), 2))


def patch_labels(items, rects):
    """For each patch: colour and shape of what covers most of it (0 nothing, -100 too little to decide) and its centre."""
    color = torch.zeros(len(items), PATCHES, dtype=torch.long)
    shape, at, best = color.clone(), torch.zeros(len(items), PATCHES, 2), torch.zeros(len(items), PATCHES)
    ax = torch.arange(SIZE) + .5
    for i, ((world, times), (left, top, w, h)) in enumerate(zip(items, rects)):
        for (c, s), x, y, r, _ in world.visible(times[0]):
            cx, cy = left + x * w, top + y * h
            disc = ((ax[None] - cx) ** 2 + (ax[:, None] - cy) ** 2 < (.9 * r * h) ** 2).float()
            disc[:, :left], disc[:, left + w:] = 0, 0
            cover = F.avg_pool2d(disc[None, None], PATCH).flatten()
            more = cover > best[i]
            color[i, more], shape[i, more] = c + 1, s + 1
            at[i, more] = torch.tensor([cx, cy])
            best[i] = torch.maximum(best[i], cover)
    unsure = (best > 0) & (best < .06)
    color[unsure], shape[unsure] = -100, -100
    middle = (torch.arange(GRID) + .5) * PATCH
    middle = torch.stack((middle.repeat(GRID), middle.repeat_interleave(GRID)), -1)
    return color, shape, torch.cat(((at - middle) / 32, at / 56 - 1), -1), best >= .06


def vision_batch(rng, n):
    items, around = [], []
    while len(items) < n:
        world, times, seen = T.window(rng, 1, rng.choices(range(4), (.05, .3, .35, .3))[0], blanks=0, oddities=.08)
        if seen[0][2] != BLACK:
            items.append((world, times))
            around.append(seen[0][:2] if seen[0][2] == CLEAR else (-100, -100))
    x, rects = pixels(rng, items)
    place, night = (torch.tensor([int(a[i]) for a in around])[:, None].expand(-1, PATCHES) for i in (0, 1))
    return x, [v.to(DEVICE) for v in (*patch_labels(items, rects), place, night)]


def vision_step(net, heads, lot):
    x, (color, shape, at, on, place, night) = lot
    f = net.vision(x)
    said_color, said_shape = heads.color(f), heads.shape(f)
    weight = torch.tensor([.15, 1, 1, 1], device=DEVICE)
    loss = F.cross_entropy(said_color.flatten(0, 1), color.flatten()) + \
        3 * F.cross_entropy(said_shape.flatten(0, 1), shape.flatten(), weight=weight) + \
        F.smooth_l1_loss(heads.at(f)[on], at[on], beta=.1) + \
        .3 * F.cross_entropy(heads.place(f).flatten(0, 1), place.flatten()) + \
        .3 * F.cross_entropy(heads.night(f).flatten(0, 1), night.flatten())
    share = {"color": (said_color.argmax(-1) == color)[on], "shape": (said_shape.argmax(-1) == shape)[on],
             "place": (heads.place(f).argmax(-1) == place)[place >= 0],
             "night": (heads.night(f).argmax(-1) == night)[night >= 0]}
    return loss, {k: (int(v.sum()), v.numel()) for k, v in share.items()}


# ---- stage 2: answers ----

class PictureHead(nn.Module):
    """Predicts what a picture shows from the tokens after it: from its number the place, night, black and strange; from the
    place of each colour which shapes of that colour are there, and how far to the right."""

    def __init__(self):
        super().__init__()
        self.slot, self.around = nn.Linear(TEXT["width"], 2 * len(SHAPES)), nn.Linear(TEXT["width"], len(PLACES) + 3)

    def loss(self, x, windows):
        """x: (pictures, 1 + colours, width)"""
        pictures = [s for _, _, seen in windows for s in seen]
        there = torch.zeros(len(pictures), len(COLORS), len(SHAPES))
        right = there.clone()
        for i, s in enumerate(pictures):
            for (c, sh), pos in s[3].items():
                there[i, c, sh], right[i, c, sh] = 1, pos
        there, right = there.to(x.device), right.to(x.device)
        said, at = self.slot(x[:, 1:]).chunk(2, -1)
        who = F.binary_cross_entropy_with_logits(said, there)
        near = (F.smooth_l1_loss(at, right, beta=.05, reduction="none") * there).sum() / (there.sum() + 1)
        place = torch.tensor([s[0] if s[2] == CLEAR else -100 for s in pictures], device=x.device)
        flags = torch.tensor([[s[1] and s[2] == CLEAR, s[2] == BLACK, s[2] == STRANGE] for s in pictures],
                             dtype=torch.float, device=x.device)
        place_said, flags_said = self.around(x[:, 0]).split((len(PLACES), 3), -1)
        where = F.cross_entropy(place_said, place) if bool((place >= 0).any()) else 0
        right_all = ((said > 0) == (there > 0)).flatten(1).all(1)
        return 10 * who + 3 * near + .2 * where + .2 * F.binary_cross_entropy_with_logits(flags_said, flags), \
            (int(right_all.sum()), len(right_all))


class MentionHead(nn.Module):
    """Predicts from a mention of a thing which pictures show it, and how far to the right it is in the first and the last."""

    def __init__(self):
        super().__init__()
        self.read = nn.Linear(TEXT["width"], MOST + 2)

    def loss(self, x, ids, windows):
        """x: output for the tokens of the tails (windows, T)."""
        row, column = torch.where((ids >= ID[THINGS[0]]) & (ids <= ID[THINGS[-1]]))
        n = len(windows[0][2])
        goal = torch.zeros(len(row), n + 2)
        for i, (r, t) in enumerate(zip(row.tolist(), ids[row, column].tolist())):
            seen, who = windows[r][2], divmod(t - ID[THINGS[0]], len(SHAPES))
            frames = T.frames_with(seen, who)
            for k in frames:
                goal[i, k - 1] = 1
            if frames:
                goal[i, n], goal[i, n + 1] = seen[frames[0] - 1][3][who], seen[frames[-1] - 1][3][who]
        goal = goal.to(x.device)
        said = self.read(x[row, column])
        there = goal[:, :n].amax(1, keepdim=True)
        shown = F.binary_cross_entropy_with_logits(said[:, :n], goal[:, :n])
        near = (F.smooth_l1_loss(said[:, MOST:], goal[:, n:], beta=.05, reduction="none") * there).mean()
        right = ((said[:, :n] > 0) == (goal[:, :n] > 0)).all(1)
        return 2 * shown + 3 * near, (int(right.sum()), len(right))


class NoteHead(nn.Module):
    """Predicts from each mention of a thing or a place in notes whether it is the first of it, and, if so, what the first
    mention before it is about: an answer follows this chain."""

    def __init__(self):
        super().__init__()
        self.first, self.before = nn.Linear(TEXT["width"], 1), nn.Linear(TEXT["width"], len(THINGS + WHERE) + 1)

    def loss(self, low, high, group):
        """low, high: output for the tokens of the tails (tails, T)."""
        row, column, fresh, before = [], [], [], []
        for i, ((_, ids, _),) in enumerate(group):
            first = T.first_mentions(ids)
            last = {m[0]: self.number(b) for m, b in zip(first, [None, *first])}
            for at, _, _ in T.mentions(ids):
                row, column = row + [i], column + [at]
                fresh, before = fresh + [float(at in last)], before + [last.get(at, -100)]
        fresh, before = torch.tensor(fresh, device=DEVICE), torch.tensor(before, device=DEVICE)
        if not len(row):
            return 0, (0, 0)
        said = self.before(high[row, column])
        loss = F.binary_cross_entropy_with_logits(self.first(low[row, column])[:, 0], fresh)
        if bool((before >= 0).any()):
            loss = loss + F.cross_entropy(said, before)
        return loss, (int((said.argmax(-1) == before).sum()), int((before >= 0).sum()))

    @staticmethod
    def number(mention):
        return (THINGS + WHERE).index(TOKENS[mention[2]]) if mention else len(THINGS + WHERE)


class ListHead(nn.Module):
    """Predicts, at what an entry of a list is about, whether it is the first of that, the number of the entry before it that
    is about the same, and of the first one of another subject before it; at the end of a pair whether it is one event, and
    the number of the pair before it that is."""

    def __init__(self):
        super().__init__()
        self.low = nn.Linear(TEXT["width"], 2)
        self.before, self.first, self.pair = (nn.Linear(TEXT["width"], n + 1) for n in (ENTRIES, ENTRIES, PAIRS))

    def loss(self, low, high, kind, marks):
        """low, high: output for the tokens of the prompts; marks: of each prompt, as story_marks or join_marks give them."""
        row = [i for i, m in enumerate(marks) for _ in m]
        flat = [m for row_marks in marks for m in row_marks]
        column = [m[0] for m in flat]
        flag = torch.tensor([float(m[1]) if kind == "join" else float(m[1] == 0) for m in flat], device=DEVICE)
        loss = F.binary_cross_entropy_with_logits(self.low(low[row, column])[:, int(kind == "join")], flag)
        x = high[row, column]
        if kind == "join":
            said, goal = self.pair(x), torch.tensor([m[2] for m in flat], device=DEVICE)
        else:
            said, goal = self.before(x), torch.tensor([m[1] for m in flat], device=DEVICE)
            chain = torch.tensor([-100 if m[2] is None else m[2] for m in flat], device=DEVICE)
            loss = loss + F.cross_entropy(self.first(x), chain)
        rare = torch.ones(said.shape[1], device=DEVICE)
        rare[0] = .25  # most have none before them, which is easy
        return loss + 2 * F.cross_entropy(said, goal, weight=rare), (int((said.argmax(-1) == goal).sum()), len(goal))


def tails(rng, seen, questions, checks, more):
    """The questions about one window: [(kind, prompt ids, answer ids)]. more: how often they ask where to look next."""
    out = [("describe", "describe", T.describe(seen))]
    for _ in range(questions):
        key, next_ = T.question(rng, seen), rng.random() < more
        out.append((key[0], T.ask_task(key, next_), T.ask(seen, key, next_)))
    for _ in range(checks):
        text, letter = T.to_check(rng, seen)
        out.append((f"check {letter}", T.check_task(text), letter))
    return [(kind, T.asked(len(seen), q), encode(a) + [END]) for kind, q, a in out]


def lay_out(prefix, all_tails):
    """Sequences of tails after a prefix of this number of positions: ids, targets, weights, segments, positions."""
    rows = []
    for group in all_tails:
        ids, goal, weight, segment, position = [], [], [], [], []
        for k, (_, q, a) in enumerate(group, 1):
            ids += q + a
            goal += [-100] * (len(q) - 1) + a + [-100]
            weight += [0.] * (len(q) - 1) + [WEIGHT.get(i, 1.) for i in a] + [0.]
            segment += [k] * len(q + a)
            position += range(prefix, prefix + len(q + a))
        rows.append((ids, goal, weight, segment, position))
    longest = max(len(r[0]) for r in rows)
    fill = (0, -100, 0., -1, 0)
    return [torch.tensor([r[c] + [fill[c]] * (longest - len(r[c])) for r in rows], device=DEVICE) for c in range(5)]


def places(n, prefix):
    """The positions of each picture, and of what follows it, in a prefix: (pictures, their positions)."""
    return torch.arange(1, prefix, device=DEVICE).view(n, -1)


def behind(n, prefix):
    return places(n, prefix)[:, PATCHES:]


def answer_loss(net, before, group, n, short):
    """before: embeddings (B, P, width) of n pictures, which every tail sees. short: only the first blocks see the
    complete pictures, the others GLIMPSE patches of each and what follows it: much cheaper, nearly the same task.
    Returns loss, output of the blocks TAPS (of the first: all, of the second: the tails), the tails' ids, hits by
    kind."""
    prefix = before.shape[1]
    ids, goal, weight, segment, position = lay_out(prefix, group)
    x = torch.cat((before, net.embed(ids)), 1)
    position = torch.cat((torch.arange(prefix, device=DEVICE).expand(len(x), -1), position), 1)
    segment = torch.cat((torch.zeros(len(x), prefix, dtype=torch.long, device=DEVICE), segment), 1)
    sees = (segment[:, None] == 0) | (segment[:, :, None] == segment[:, None])
    sees &= torch.ones(sees.shape[1:], dtype=torch.bool, device=DEVICE).tril()
    mask = torch.zeros(sees.shape, device=DEVICE).masked_fill(~sees, -1e9)[:, None]
    keep = None
    if short and n:
        glimpse = places(n, prefix)[:, torch.randperm(PATCHES, device=DEVICE)[:GLIMPSE]]
        keep = torch.zeros(x.shape[1], dtype=torch.bool, device=DEVICE)
        keep[0] = keep[behind(n, prefix)] = keep[glimpse] = keep[prefix:] = True
        keep = keep.nonzero().flatten()
    out, (low, high) = net.text(x, position[:, None], mask, taps=TAPS, keep=keep)
    tail = ids.shape[1]
    logits = net.head(out[:, -tail:])
    loss = F.cross_entropy(logits.flatten(0, 1), goal.flatten(), reduction="none", ignore_index=-100)
    loss = (loss * weight.flatten()).sum() / weight.sum()
    wrong = (logits.argmax(-1) != goal) & (goal >= 0)
    hits = {}
    for i, g in enumerate(group):
        for k, (kind, _, _) in enumerate(g, 1):
            ok = not bool(wrong[i][segment[i, prefix:] == k].any())
            a, b = hits.get(kind, (0, 0))
            hits[kind] = (a + ok, b + 1)
    return loss, low, high[:, -tail:], ids, hits


def picture_prefix(net, x, windows, n):
    """Embeddings of the prompt up to the task: a start, then each picture and what follows it."""
    seen = net.project(x).view(len(windows), n, PATCHES, -1)
    parts = [net.embed(torch.tensor(encode("<|im_start|>"), device=DEVICE)).expand(len(windows), -1, -1)]
    for k in range(n):
        parts += [seen[:, k], net.embed(torch.tensor(T.behind(k + 1), device=DEVICE)).expand(len(windows), -1, -1)]
    return torch.cat(parts, 1)


def windows_batch(rng, n, questions=2, checks=0, near=0, share=1, more=0):
    """share: of the usual number of windows."""
    # Crowds, changes of place, black and strange pictures are more frequent than in usual videos, because they are harder.
    crowd = (.1, .3, .32, .28)
    windows = [T.window(rng, n, rng.choices(range(4), crowd)[0], cuts=.3, blanks=.1, oddities=.08, near=near)
               for _ in range(round(BATCH[n] * share))]
    return n, windows, pixels(rng, [w[:2] for w in windows])[0], \
        [tails(rng, w[2], questions, checks, more) for w in windows]


def notes_batch(rng, share=1):
    prompts = [T.notes_ids(T.notes(rng)) for _ in range(round(BATCH[0] * share))]
    return 0, [], None, [[("sum up", ids[1:], encode(T.sum_up(ids)) + [END])] for ids in prompts]


def notes_step(net, heads, made):
    group = made[3]
    start = net.embed(torch.tensor(encode("<|im_start|>"), device=DEVICE)).expand(len(group), -1, -1)
    loss, low, high, _, hits = answer_loss(net, start, group, 0, False)
    note_loss, before = heads["note"].loss(low[:, start.shape[1]:], high, group)
    return loss + note_loss, {**hits, "first": before}


def story_batch(rng, which):
    """Lists of similar lengths."""
    low, high, count = STORY[which]
    lists = [L.entries(rng, low, high) for _ in range(count)]
    prompts = [L.story_ids(e) for e in lists]
    group = [[(f"story {which}", ids[1:], encode(L.story(e)) + [END])] for ids, e in zip(prompts, lists)]
    return "story", [L.story_marks(ids[1:]) for ids in prompts], None, group


def compose_batch(rng):
    asked = [Q.to_compose(rng) for _ in range(ANSWERS)]
    prompts = [Q.compose_ids(*x) for x in asked]
    group = [[("answer", ids[1:], encode(Q.compose(*x)) + [END])] for ids, x in zip(prompts, asked)]
    return "answer", [Q.compose_marks(ids[1:], *x) for ids, x in zip(prompts, asked)], None, group


def route_batch(rng):
    asked = [Q.to_route(rng) for _ in range(ROUTES)]
    return "route", None, None, [[("route", Q.route_ids(*x[:2])[1:], encode(x[2]) + [END])] for x in asked]


def join_batch(rng):
    lists = [L.pairs(rng) for _ in range(PAIR_LISTS)]
    prompts = [L.join_ids(p) for p in lists]
    group = [[("join", ids[1:], encode(L.join(p)) + [END])] for ids, p in zip(prompts, lists)]
    return "join", [L.join_marks(ids[1:], p) for ids, p in zip(prompts, lists)], None, group


def lists_step(net, heads, made):
    kind, marks, _, group = made
    start = net.embed(torch.tensor(encode("<|im_start|>"), device=DEVICE)).expand(len(group), -1, -1)
    loss, low, high, _, hits = answer_loss(net, start, group, 0, False)
    if not marks or not any(marks):
        return loss, hits
    list_loss, before = heads["list"].loss(low[:, start.shape[1]:], high, kind, marks)
    return loss + list_loss, {**hits, f"{kind}-before": before}


def windows_step(net, heads, made, whole, look, guide=True):
    """whole: every block sees the complete pictures; look: the vision transformer is trained, too; guide: the auxiliary heads
    change the network, and do not only learn to read it."""
    picture, mention = heads["picture"], heads["mention"]
    n, windows, x, group = made
    with torch.set_grad_enabled(look):
        f = net.vision(x)
    prefix = picture_prefix(net, f, windows, n)
    loss, low, high, ids, hits = answer_loss(net, prefix, group, n, not whole)
    if not guide:
        low, high = low.detach(), high.detach()
    picture_loss, seen = picture.loss(low[:, behind(n, prefix.shape[1])].flatten(0, 1), windows)
    mention_loss, known = mention.loss(high, ids, windows)
    hits = {k if k.startswith("check") else f"{k}/{n}": v for k, v in hits.items() if k not in ("find", "list")}
    return loss + picture_loss + mention_loss, {**hits, "sight": seen, f"frames/{n}": known}


WHOLE, LOOK_AGAIN = .8, .85  # from here on: every block sees everything; the vision transformer is trained, too
BATCH = {0: 16, 1: 28, 2: 24, 3: 20, 4: 16, 5: 14, 6: 12, 7: 10, 8: 9}  # windows per process and step
COURSE = [  # (from this fraction of the stage on, relative frequency of each number of pictures; 0: notes)
    (0.00, {1: .5, 2: .5}),
    (0.08, {1: .2, 2: .3, 3: .25, 4: .25}),
    (0.20, {0: .2, 1: .1, 2: .1, 3: .1, 4: .12, 5: .12, 6: .12, 7: .07, 8: .07}),
    (0.50, {0: .14, 1: .07, 2: .07, 3: .07, 4: .1, 5: .12, 6: .17, 7: .12, 8: .14}),
    (1.00, {0: .4, 1: .05, 2: .06, 3: .05, 4: .06, 5: .08, 6: .12, 7: .09, 8: .09}),  # stage 3
]


# The last stage: numbers of pictures as above, and lists. Every window has CHECKS statements to check.
_WINDOWS = {1: .02, 2: .03, 3: .03, 4: .04, 5: .05, 6: .07, 7: .05, 8: .04}
STORY_COURSE = [
    (0.00, {0: .1, "short": .22, "middle": .14, "long": .08, "join": .15, **_WINDOWS}),
    (0.60, {0: .1, "short": .1, "middle": .12, "long": .14, "join": .1, **{k: 1.4 * v for k, v in _WINDOWS.items()}}),
]
# Stage 5: mostly many pictures, of which stage 4 forgets some.
ALL_MIX = {0: .05, "short": .06, "middle": .05, "join": .04,
           1: .03, 2: .05, 3: .09, 4: .08, 5: .09, 6: .12, 7: .14, 8: .2}
STORY = {"short": (1, 10, 12), "middle": (8, 20, 8), "long": (18, ENTRIES, 4)}  # entries, and lists per process and step
# Stage 6: questions, and everything else, so that nothing is forgotten.
ASK_MIX = {"route": .2, "answer": .3, 0: .03, "short": .05, "middle": .03, "join": .03,
           1: .02, 2: .03, 3: .04, 4: .05, 5: .05, 6: .05, 7: .06, 8: .06}
# Stage 7: mostly answers, and what stage 6 forgets some of.
END_MIX = {"route": .03, "answer": .4, 0: .09, "short": .03, "join": .03,
           1: .03, 2: .03, 3: .08, 4: .08, 5: .06, 6: .06, 7: .04, 8: .04}
# Its last quarter: mostly descriptions, some of which otherwise become sentences of an answer.
LAST_MIX = {"route": .03, "answer": .12, 0: .04, "short": .02, "join": .02,
            1: .05, 2: .06, 3: .1, 4: .1, 5: .11, 6: .12, 7: .11, 8: .12}
PAIR_LISTS, CHECKS, NEAR = 10, 4, .3
LAST = .75  # from this fraction of stage 7 on
ANSWERS, ROUTES = 14, 48  # lists of findings, and questions, per process and step
MORE = .6  # of the questions about pictures of stage 6 ask where to look next
STORY_SHARE, ALL_SHARE = .35, .6  # of the usual number of windows
STORY_GUIDE, STORY_WHOLE = .03, .72


# ---- the stages ----

class Ahead:
    """The batches make(k) of the steps k = 0, 1, …, made by a separate thread while the network works. The thread must have
    ended before the process does."""

    def __init__(self, make):
        self.make, self.lots, self.over = make, queue.Queue(3), False
        self.thread = threading.Thread(target=self.work, daemon=True)

    def work(self):
        torch.set_num_threads(1)
        for k in itertools.count():
            if self.over:
                break
            self.lots.put(self.make(k))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        while self.thread.is_alive():  # it may wait for free space
            try:
                self.lots.get(timeout=.1)
            except queue.Empty:
                pass

    def next(self):
        return self.lots.get()


def text_batch(rng, lots, done):
    """lots: what to make, chosen by a random generator that is the same in every process, so that none waits long."""
    mix = [c[1] for c in COURSE if c[0] <= done][-1]
    n = lots.choices(list(mix), list(mix.values()))[0]
    return windows_batch(rng, n) if n else notes_batch(rng)


def text_step(net, heads, made, done):
    return windows_step(net, heads, made, done >= WHOLE, done >= LOOK_AGAIN) if made[0] else notes_step(net, heads, made)


def mixed_batch(rng, lots, mix, share, more=0):
    which = lots.choices(list(mix), list(mix.values()))[0]
    if isinstance(which, int):
        return windows_batch(rng, which, 2 if more else 1, CHECKS, NEAR, share, more) if which else notes_batch(rng, .55)
    own = {"join": join_batch, "answer": compose_batch, "route": route_batch}
    return own[which](rng) if which in own else story_batch(rng, which)


def end_batch(rng, lots, done):
    return mixed_batch(rng, lots, LAST_MIX if done >= LAST else END_MIX, ALL_SHARE, MORE)


def story_stage_batch(rng, lots, done):
    return mixed_batch(rng, lots, [c[1] for c in STORY_COURSE if c[0] <= done][-1], STORY_SHARE)


def story_stage_step(net, heads, made, done):
    if isinstance(made[0], str):
        return lists_step(net, heads, made)
    return windows_step(net, heads, made, done >= STORY_WHOLE, False, done >= STORY_GUIDE) if made[0] else \
        notes_step(net, heads, made)


@torch.no_grad()
def prepare_story(net):
    """Rows for tokens that only the last stage uses: what means one number begins alike, and so do a sentence without its
    point and with it. Their rows so far are random (or, in the head, a large negative value for every text)."""
    table, head = net.embed.weight, net.head.weight
    spread, small = table[[ID[v] for v in VERBS]].std(), .05
    for k in range(1, ENTRIES + 1):
        names = [ENTRY[k - 1], CITE[k - 1], *([SAME[k - 1]] if k <= PAIRS else [])]
        if k <= MOST:
            alike = table[ID[NEXT[k - 1]]]
        else:
            alike = torch.randn(TEXT["width"], device=DEVICE) * spread
            names.append(ALSO[k - MOST - 1])
        of_head = torch.randn(TEXT["width"], device=DEVICE) * small
        for name in names:
            table[ID[name]] = alike + .3 * spread * torch.randn_like(alike)
            head[ID[name]] = of_head + small * torch.randn_like(of_head)
    for name in OPEN:
        table[ID[name]] = table[ID[name + "."]] + .3 * spread * torch.randn(TEXT["width"], device=DEVICE)
        head[ID[name]] = .6 * head[ID[name + "."]] + small * torch.randn(TEXT["width"], device=DEVICE)
    for name in [*ENDINGS, *OFTEN, *REST]:
        head[ID[name]] = small * torch.randn(TEXT["width"], device=DEVICE)


@torch.no_grad()
def prepare_ask(net):
    """Rows for tokens that only questions use; what means one number begins like its entry."""
    table, head = net.embed.weight, net.head.weight
    spread, small = table[[ID[v] for v in VERBS]].std(), .05
    for name in ASKING:
        table[ID[name]] = spread * torch.randn(TEXT["width"], device=DEVICE)
        head[ID[name]] = small * torch.randn(TEXT["width"], device=DEVICE)
    for like, name in NUMBERED:
        table[ID[name]] = table[ID[like]] + .3 * table[ID[name]]
        head[ID[name]] += .5 * head[ID[like]]


class Team:
    """Processes that train the same weights in shared memory: each computes the gradient of its own batch, the first one
    takes the step. On few cores, processes with one thread each are faster than one with many."""

    def __init__(self, size, modules):
        context = torch.multiprocessing.get_context("spawn")
        self.size, self.barrier, self.starter = size, context.Barrier(size), os.getpid()
        self.gradients = torch.zeros(size, sum(p.numel() for p in modules.parameters())).share_memory_()
        self.over = torch.zeros(1).share_memory_()  # the time is over: written by the first process between two steps

    def is_left(self):
        """The process that started these has been killed."""
        return self.size > 1 and os.getppid() != self.starter

    def gather(self, rank, params):
        """The mean gradient, in the first process."""
        if self.size == 1:
            return
        mine, at = self.gradients[rank], 0
        for p in params:
            flat = mine[at:at + p.numel()]
            at += p.numel()
            flat.zero_() if p.grad is None else flat.copy_(p.grad.flatten())
        self.barrier.wait()
        if rank == 0:
            mean, at = self.gradients.mean(0), 0
            for p in params:
                if p.grad is not None:
                    p.grad = mean[at:at + p.numel()].view_as(p)
                at += p.numel()


def run(name, first, steps, opt, peak, step, team, rank, save, over):
    """Calls step(fraction of the stage that is done) for the steps from `first` on; cosine learning rate with a short
    warm-up. Returns false if the time is over before."""
    params = [p for g in opt.param_groups for p in g["params"]]
    began, last_save, total, tally = time.time(), time.time(), 0, {}
    for n in range(first, steps):
        if rank == 0:
            team.over[0] = over()
        if team.size > 1:
            team.barrier.wait()  # the previous step is complete
        if team.over[0]:
            save(name, n, opt)
            return False
        loss, hits = step(n / steps)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        team.gather(rank, params)
        if rank:
            continue
        lr = peak * min(1, (n + 1) / 80) * (.5 * (1 + math.cos(math.pi * n / steps)) * .97 + .03)
        for g in opt.param_groups:
            g["lr"] = lr * g["factor"] * min(1, max(0, n / steps - g["from"]) / .05 if "from" in g else 1)
        nn.utils.clip_grad_norm_(params, 1.)
        opt.step()
        total += loss.item()
        for k, (a, b) in hits.items():
            t = tally.get(k, (0, 0))
            tally[k] = (t[0] + a, t[1] + b)
        if (n + 1) % 100 == 0 or n + 1 == steps:
            wall, cpu = time.time() - began, time.process_time()
            print(f"{name} {n + 1} of {steps} {wall:.0f} s, processor {cpu:.0f} s, lr {lr:.1e} loss {total / 100:.3f} " +
                  " ".join(f"{k} {a / max(b, 1):.3f}" for k, (a, b) in sorted(tally.items())), flush=True)
            total, tally = 0, {}
        if time.time() - last_save > 120:
            save(name, n + 1, opt)
            last_save = time.time()
    save(name, steps, opt)
    if team.size > 1:
        team.barrier.wait()
    return True


HEADS = "picture", "mention", "note", "list"  # auxiliary, of the language model
STAGES = ["vision", "text", "again", "story", "all", "ask", "end"]


def work(rank, a, modules, team, done):
    """done: (stage, steps) that are complete, and the state of its optimizer."""
    torch.set_num_threads(1 if DEVICE == "cpu" else 4)
    torch.manual_seed(1000 * a.seed + rank)
    began = time.time()
    net, heads = modules["net"], modules["patch"]
    own = [p for k, p in net.named_parameters() if not k.startswith("vision.")]
    sight = {"params": [*net.vision.parameters(), *heads.parameters()], "factor": 1}

    def words(*names):
        helpers = [p for k in names for p in modules[k].parameters()]
        return {"params": own + helpers, "factor": 1}, {"params": list(net.vision.parameters()), "factor": .25}

    def save(name, n, opt):
        if rank == 0:  # renamed when complete, so that the file is whole whenever the program ends
            torch.save({**modules.state_dict(), "done": (name, n, opt.state_dict())}, f"{a.checkpoint}.part")
            os.replace(f"{a.checkpoint}.part", a.checkpoint)

    def stage(name, steps, groups, rate, make, step):
        """Each stage has its own random generator, so that what the previous one made ahead and discarded has no effect; and
        so has each part of a stage that was continued."""
        past = STAGES.index(done[0]) - STAGES.index(name) if done else -1
        first = steps if past > 0 else done[1] if past == 0 else 0
        if first >= steps:
            return True
        opt = torch.optim.AdamW(groups, lr=rate, betas=(.9, .98), weight_decay=.02)
        if first:
            opt.load_state_dict(done[2])
        elif name in prepare and rank == 0:
            prepare[name](net)
        seed = f"{name} {first}" if first else name
        rng, lottery = random.Random(f"{a.seed} {rank} {seed}"), random.Random(f"{a.seed} {seed}")
        with Ahead(lambda k: make(rng, lottery, (first + k) / steps)) as lots:
            return run(name, first, steps, opt, rate, lambda part: step(lots.next(), part), team, rank, save,
                       lambda: a.minutes and time.time() - began > 60 * a.minutes or team.is_left())

    prepare = {"story": prepare_story, "ask": prepare_ask}

    def late():
        """First only rows of tokens and heads learn, then gradually the rest, which knows the other skills already."""
        early = [net.embed.weight, net.head.weight, *(p for k in HEADS for p in modules[k].parameters())]
        others = [p for p in own if all(p is not e for e in early)]
        return {"params": early, "factor": 1}, {"params": others, "factor": 1, "from": STORY_GUIDE}

    helped = words("picture", "mention", "note")
    everything = {"params": [*own, *(p for k in HEADS for p in modules[k].parameters())], "factor": 1}
    whole = stage("vision", a.vision_steps, [sight], a.vision_rate, lambda rng, *_: vision_batch(rng, 96 // team.size),
                  lambda made, _: vision_step(net, heads, made)) and \
        stage("text", a.text_steps, helped, a.text_rate, text_batch, lambda made, part: text_step(net, modules, made, part)) and \
        stage("again", a.again_steps, helped, a.again_rate, lambda rng, lots, _: text_batch(rng, lots, 1),
              lambda made, _: text_step(net, modules, made, 1)) and \
        stage("story", a.story_steps, late(), a.story_rate, story_stage_batch,
              lambda made, part: story_stage_step(net, modules, made, part)) and \
        stage("all", a.all_steps, [everything], a.all_rate, lambda rng, lots, _: mixed_batch(rng, lots, ALL_MIX, ALL_SHARE),
              lambda made, _: story_stage_step(net, modules, made, 1)) and \
        stage("ask", a.ask_steps, late(), a.ask_rate, lambda rng, lots, _: mixed_batch(rng, lots, ASK_MIX, ALL_SHARE, MORE),
              lambda made, part: story_stage_step(net, modules, made, max(part, STORY_WHOLE) if part >= STORY_GUIDE else part)) and \
        stage("end", a.end_steps, [everything], a.end_rate, end_batch,
              lambda made, _: story_stage_step(net, modules, made, 1))
    if rank == 0:
        print("complete" if whole else f"not complete; --resume {a.checkpoint} continues", flush=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("checkpoint")
    p.add_argument("--resume", help="continue from this checkpoint, with the stage and step that it is at")
    p.add_argument("--vision-steps", type=int, default=2200)
    p.add_argument("--vision-rate", type=float, default=1.5e-3)
    p.add_argument("--text-steps", type=int, default=3600)
    p.add_argument("--text-rate", type=float, default=1.5e-3)
    p.add_argument("--again-steps", type=int, default=1200)
    p.add_argument("--again-rate", type=float, default=7e-4)
    p.add_argument("--story-steps", type=int, default=5000)
    p.add_argument("--story-rate", type=float, default=7e-4)
    p.add_argument("--all-steps", type=int, default=1500)
    p.add_argument("--all-rate", type=float, default=3e-4)
    p.add_argument("--ask-steps", type=int, default=3000)
    p.add_argument("--ask-rate", type=float, default=5e-4)
    p.add_argument("--end-steps", type=int, default=1600)
    p.add_argument("--end-rate", type=float, default=4e-4)
    p.add_argument("--minutes", type=float, default=0, help="save and end after this time; --resume continues")
    p.add_argument("--seed", type=int, default=21)
    p.add_argument("--processes", type=int, default=1 if DEVICE == "cuda" else len(os.sched_getaffinity(0)))
    a = p.parse_args()
    torch.manual_seed(a.seed)
    modules = nn.ModuleDict({"net": Net(), "patch": PatchHeads(), "picture": PictureHead(),
                             "mention": MentionHead(), "note": NoteHead(), "list": ListHead()}).to(DEVICE)
    done = None
    if a.resume:
        old = torch.load(a.resume, map_location=DEVICE)
        done = old.pop("done")
        missing, _ = modules.load_state_dict(old, strict=False)  # auxiliary heads may be new
        wrong = [k for k in missing if k.startswith("net.")]
        if wrong:
            raise SystemExit(f"{a.resume} lacks {wrong[0]}")
        print("continues after", done[1], "steps of stage", done[0], flush=True)
    print("parameters", sum(p.numel() for p in modules["net"].parameters()), "seed", a.seed, "on", DEVICE, flush=True)
    team = Team(a.processes, modules)
    if a.processes == 1:
        work(0, a, modules, team, done)
    else:
        torch.multiprocessing.spawn(work, (a, modules.share_memory(), team, done), a.processes)


if __name__ == "__main__":
    main()
