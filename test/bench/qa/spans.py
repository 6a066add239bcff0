# SPDX-License-Identifier: Apache-2.0
"""Lists of [start, end] in seconds."""


def merge(spans, near=0):
    """In order, without overlaps; those nearer to each other than `near` become one."""
    out = []
    for start, end in sorted([float(a), float(b)] for a, b in spans):
        if out and (start <= out[-1][1] or start - out[-1][1] < near):
            out[-1][1] = max(out[-1][1], end)
        else:
            out.append([start, end])
    return out


def length(spans):
    return sum(b - a for a, b in spans)


def both(x, y):
    out = []
    for a, b in merge(x):
        for c, d in merge(y):
            if max(a, c) < min(b, d):
                out.append([max(a, c), min(b, d)])
    return out


def without(spans, duration):
    """What is left of 0 to duration."""
    out, at = [], 0.0
    for a, b in merge(spans) + [[duration, duration]]:
        if a > at:
            out.append([at, a])
        at = max(at, b)
    return out


def overlap(x, y):
    """Whether two spans have a moment in common; one may be a single moment."""
    return x[0] <= y[1] and y[0] <= x[1]


def iou(x, y):
    """Intersection over union, as in CG-Bench; 0 if one is empty."""
    common = length(both(x, y))
    union = length(merge(x)) + length(merge(y)) - common
    return common / union if union > 0 else 0.0
