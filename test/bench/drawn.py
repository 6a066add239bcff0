# SPDX-License-Identifier: Apache-2.0
"""What a model that makes no errors would say of a drawn world with hard subjects (`vdet world --subjects hard`), in one
wording or in varied ones, as a scene of the stand-in engine; and who a statement is about."""
import json
import random

import bench


def truth_of(video):
    return json.loads(video.with_suffix(".truth.json").read_text())


def draw(folder, seed, minutes, *options):
    """(video, truth)"""
    path = folder / f"hard-{seed}-{minutes}.mp4"
    if not path.exists():
        bench.start(["world", "--subjects", "hard", "--seed", seed, "--duration", f"{minutes}min", *options, path],
                    folder).communicate()
    return path, truth_of(path)


def chunks(plan):
    """(start, times of its frames) of each chunk of what `vdet plan` prints."""
    return [(c["start"], c["times"]) for c in json.loads(plan)["chunks"]]


def shows(event, t):
    return any(a <= t < b for a, b in event["visible"])


def has_turned(event, t):
    return "turns" in event and t >= event["turns"]["at"]


def look(event, t):
    """(color, shape) at this time"""
    return (event["turns"] if has_turned(event, t) else event["who"])["color"], event["who"]["shape"]


def action(frames, n):
    if len(frames) == n:
        return "stays"
    comes, leaves = frames[0] > 1, frames[-1] < n
    return "comes and goes" if comes and leaves else "enters" if comes else "leaves" if leaves else "moves"


def statements(truth, number, times, rng, varied):
    """[(subject, words, {"frames", "subject", "what"})] of a chunk: one for each thing and each of its looks in the frames."""
    said = []
    for e in truth["events"]:
        frames = [k for k, t in enumerate(times, 1) if shows(e, t)]
        for called, part in ((e["called"], [k for k in frames if not has_turned(e, times[k - 1])]),
                             (e.get("turns", {}).get("called"), [k for k in frames if has_turned(e, times[k - 1])])):
            if not part:
                continue
            words = rng.choice(called) if varied else called[0]
            # Who turns neither leaves nor enters then. The last word is the statement's own.
            does = action(part, len(times)) if part == frames else "moves"
            what = f"{words[0].upper()}{words[1:]} {does} k{number}x{e['id']}t{part[0]}."
            said.append((e["subject"], words, {"frames": part, "subject": words, "what": what}))
    return sorted(said, key=lambda s: s[2]["frames"])


def tell(truth, plan, seed, varied):
    """The statements of each chunk."""
    rng = random.Random(f"{seed} words")
    return [statements(truth, number, times, rng, varied) for number, (_, times) in enumerate(plan)]


def clock(seconds):
    ms = round(seconds * 1000)
    return f"{ms // 3600000:02}:{ms // 60000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"


def scene(said, plan, join):
    """For --scene of the stand-in engine. join: "no", "truthfully", or "all of them"."""
    stretches = {clock(start): {"summary": "Shapes.", "events": [s for _, _, s in events]}
                 for (start, _), events in zip(plan, said)}
    groups = {}
    for subject, words, s in (one for events in said for one in events):
        groups.setdefault(subject, []).extend([s["what"], f"{words}: {s['what']}"])
    return {"stretches": stretches, "same": {"no": [], "truthfully": list(groups.values()), "all of them": "all"}[join]}


def subject_of(part, truth):
    """Who a statement of the demo model is about: who looks so in most of its frames; None: no one."""
    shown = {}
    for frame in part["frames"]:
        for e in truth["events"]:
            if shows(e, frame["pts"]) and " ".join(look(e, frame["pts"])) in part["what"].lower():
                shown[e["subject"]] = shown.get(e["subject"], 0) + 1
    return min(shown, key=lambda s: (-shown[s], s)) if shown else None
