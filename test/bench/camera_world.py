# SPDX-License-Identifier: Apache-2.0
"""Drawn recordings of a fixed camera for recall.py: small objects and other pictures that are cut in, with noise, showers,
changes of light, something that moves all the time, and encoder settings as cameras have them. Only Python and ffmpeg."""
import json
import random
import subprocess

W, H, FPS = 480, 270, 15
# Of each recording: keyframe interval in frames, encoder options, whether something moves all the time.
KINDS = [(30, ["-b:v", "160k", "-maxrate", "160k", "-bufsize", "160k"], False),
         (150, ["-b:v", "200k", "-maxrate", "200k", "-bufsize", "200k", "-sc_threshold", "0"], False),
         (75, ["-crf", "29"], True),
         (250, ["-crf", "29", "-sc_threshold", "0"], True)]


def background(r):
    """Luma of a street: areas, edges and texture."""
    rows = [bytearray((90 + y // 3 + r.randrange(12)) % 256 for _ in range(W)) for y in range(H)]
    for _ in range(60):
        x, y, w, h, v = r.randrange(W - 20), r.randrange(H - 20), r.randrange(8, 90), r.randrange(8, 60), r.randrange(40, 190)
        for row in rows[y:y + h]:
            row[x:x + w] = bytes(min(255, v + r.randrange(8)) for _ in range(len(row[x:x + w])))
    return rows


class Thing:
    """An object of 3 to 8 % of the width that crosses a part of the picture."""

    def __init__(self, r):
        self.length = r.uniform(0.6, 5)
        self.w = int(W * r.uniform(0.03, 0.08))
        self.h = int(self.w * r.uniform(0.8, 2))
        self.from_x, self.from_y = r.randrange(10, W - self.w - 10), r.randrange(10, H - self.h - 10)
        self.dx, self.dy = r.uniform(-60, 60), r.uniform(-15, 15)
        shade = r.choice((35, 60, 200, 225))
        self.rows = [bytes(max(0, min(255, shade + r.randrange(-12, 13))) for _ in range(self.w)) for _ in range(self.h)]

    def draw(self, rows, t):
        x = max(0, min(W - self.w, int(self.from_x + self.dx * t)))
        y = max(0, min(H - self.h, int(self.from_y + self.dy * t)))
        for k, texture in enumerate(self.rows):
            rows[y + k][x:x + self.w] = texture


class Scene:
    """Another picture instead of the camera's."""

    def __init__(self, r):
        self.length, self.rows = r.uniform(0.8, 4), background(r)

    def draw(self, rows, t):
        for row, other in zip(rows, self.rows):
            row[:] = other


def place(r, events, seconds):
    """Start times, at least 8 s from each other."""
    room = seconds - 8 * len(events) - 10
    starts = sorted(r.uniform(0, room) for _ in events)
    return [5 + s + 8 * i for i, s in enumerate(starts)]


def write_frames(pipe, r, seconds, starts, events, busy):
    """Returns the times of rain and changes of light."""
    still = background(r)
    light = [bytes(min(255, int(v * gain)) for v in range(256)) for gain in (1.25, 0.8)]
    spells = [(r.uniform(0, seconds - 25), r.uniform(4, 20), r.choice(light)) for _ in range(seconds // 300)]
    showers = [r.uniform(0, seconds - 25) for _ in range(seconds // 400)]
    fan, grey = Thing(r), bytes([128]) * (W * H // 2)
    fan.length, fan.dx = 4, 50
    for n in range(seconds * FPS):
        t = n / FPS
        rows = [bytearray(row) for row in still]
        if busy:
            fan.draw(rows, abs(t % 8 - 4))
        for start, event in zip(starts, events):
            if start <= t < start + event.length:
                event.draw(rows, t - start)
        if any(s <= t < s + 25 for s in showers):
            for _ in range(250):
                x, y = r.randrange(W), r.randrange(H - 12)
                for row in rows[y:y + 12]:
                    row[x] = min(255, row[x] + 45)
        picture = b"".join(rows)
        for start, length, table in spells:
            picture = picture.translate(table) if start <= t < start + length else picture
        pipe.write(picture + grey)
    return ([{"kind": "light", "a": a, "b": a + length} for a, length, _ in spells] +
            [{"kind": "rain", "a": a, "b": a + 25} for a in showers])


def recording(work, seed, minutes):
    """The path of a recording; beside it is its truth, as recall.py --folder takes it: 20 events in 20 minutes, a quarter of
    them other pictures."""
    path = work / f"camera-{seed}-{minutes * 60}.mp4"
    truth = path.with_suffix(".truth.json")
    if not truth.exists():
        r, seconds = random.Random(seed), minutes * 60
        gop, options, busy = KINDS[seed % len(KINDS)]
        events = [Scene(r) if k % 4 == 0 else Thing(r) for k in range(minutes)]
        r.shuffle(events)
        starts = place(r, events, seconds)
        encoder = subprocess.Popen(
            ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{W}x{H}", "-r", str(FPS), "-i", "-",
             "-vf", "noise=c0s=6:c0f=t", "-c:v", "libx264", "-preset", "veryfast", "-g", str(gop), *options, str(path)],
            stdin=subprocess.PIPE)
        distract = write_frames(encoder.stdin, r, seconds, starts, events, busy)
        encoder.stdin.close()
        assert encoder.wait() == 0
        truth.write_text(json.dumps({"events": [{"kind": "clip" if isinstance(e, Scene) else "object", "a": s,
                                                 "b": s + e.length} for s, e in zip(starts, events)], "distract": distract}))
    return path
