# SPDX-License-Identifier: Apache-2.0
"""Tables from results."""
import judge

STEPS = (.1, .2, .3, .4, .5)
OUTPUTS = ("requests", "prompt_tokens", "output_tokens", "decode_time", "seconds")


def share(n, of):
    return f"{n / of:.2f} ({n}/{of})" if of else ""


def mean(values):
    values = [v for v in values if v is not None]
    return sum(values) / len(values) if values else None


def number(v, digits=2):
    return "" if v is None else f"{v:.{digits}f}"


def judged(q, outcome):
    """What one question adds to a table."""
    row = judge.grounding(q, outcome) | {"kind": q["kind"], "state": outcome.get("state"), "found": outcome["found"]}
    if q["choices"]:
        row["abstained"] = outcome["choice"] is None
        row["right"] = outcome["choice"] == q["answer"]
    else:
        row["abstained"] = not outcome["found"]
        row["right"] = judge.is_right(q, outcome)
    return row | {k: outcome["cost"].get(k) for k in OUTPUTS}


def summary(rows):
    """Of the rows of one method: all figures."""
    located = [r for r in rows if r["iou"] is not None]
    times = [r["times"] for r in rows if r["times"]]
    windows = [r["windows"] for r in rows if r["windows"] is not None]
    out = {"n": len(rows), "right": sum(r["right"] for r in rows), "abstained": sum(r["abstained"] for r in rows),
           "cites": sum(r["cites"] for r in rows), "shown": sum(r["shown"] for r in rows), "off": sum(r["off"] for r in rows),
           "windows": (sum(windows), len(windows)), "times": (sum(a for a, _ in times), sum(b for _, b in times)),
           "mIoU": mean([r["iou"] for r in located]),
           "rec": {s: mean([r["iou"] >= s for r in located]) for s in STEPS},
           "acc": {s: mean([r["right"] and r["iou"] >= s for r in located]) for s in STEPS}}
    for k in OUTPUTS:
        out[k] = mean([r[k] for r in rows])
    return out


def table(methods, of):
    """Markdown: a line for each method; methods: {name: {id: row}}, of: the ids that count."""
    head = ["method", "questions", "right", "abstained", "citations that show it", "about something else", "right window in the first 12",
            "of all times", "mIoU", "rec@IoU", "acc@IoU", "requests", "prompt tokens", "decoding", "seconds"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name, rows in methods.items():
        s = summary([rows[k] for k in of if k in rows])
        if not s["n"]:
            continue
        lines.append("| " + " | ".join([
            name, str(s["n"]), share(s["right"], s["n"]), share(s["abstained"], s["n"]), share(s["shown"], s["cites"]),
            str(s["off"]), share(*s["windows"]), share(*s["times"]), number(s["mIoU"]), number(mean(s["rec"].values())),
            number(mean(s["acc"].values())), number(s["requests"], 1), number(s["prompt_tokens"], 0),
            number(s["decode_time"], 1), number(s["seconds"], 1)]) + " |")
    return "\n".join(lines)


def by_kind(methods, of):
    """Markdown: how many are right of each kind."""
    kinds = list(dict.fromkeys(r["kind"] for rows in methods.values() for r in rows.values()))
    lines = ["| method | " + " | ".join(kinds) + " |", "|" + "---|" * (len(kinds) + 1)]
    for name, rows in methods.items():
        kept = [rows[k] for k in of if k in rows]
        cells = [share(sum(r["right"] for r in kept if r["kind"] == k), sum(r["kind"] == k for r in kept)) for k in kinds]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def not_found(rows):
    """How often "not found" and "not seen" were said, and how often each was wrong."""
    out = []
    for state in ("not-found", "not-seen"):
        said = [r for r in rows if r["state"] == state]
        wrong = sum(r["kind"] != "absent" for r in said)
        out.append(f'"{state}" was said {len(said)} times, {wrong} of them wrongly')
    absent = [r for r in rows if r["kind"] == "absent"]
    out.append(f"of {len(absent)} questions about absent things, {sum(r['found'] for r in absent)} were answered as if they were there")
    return "; ".join(out) + "."
