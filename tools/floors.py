"""The law of the house: a room includes only rooms on lower floors, and each foreign library lives in one room.

The same table stands in docs/architecture.md. Jansson may be used everywhere."""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLOORS = [["base"], ["proc"], ["media", "engine", "store", "queue", "gpu", "world"], ["job", "worker"], ["net"], ["app"]]
FOREIGN = {
    r"libav|libsw": "media", r"curl/": "engine", r"sqlite3\.h": "store", r"seccomp\.h": "proc", r"ini\.h": "base",
    r"openssl/": "base", r"libwebsockets": "net", r"sodium\.h": "net", r"nats": "queue",
}
floor = {room: n for n, rooms in enumerate(FLOORS) for room in rooms}
faults = []
for path in [*sorted(ROOT.glob("src/*/*.[ch]")), *sorted(ROOT.glob("model/world/*.[ch]"))]:
    room = path.parent.name
    if room not in floor:
        faults.append(f"{path.relative_to(ROOT)}: the room {room} stands on no floor")
        continue
    for number, line in enumerate(path.read_text().splitlines(), 1):
        m = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not m:
            continue
        where = f"{path.relative_to(ROOT)}:{number}"
        other = m.group(2).split("/")[0]
        if m.group(1) == '"' and other in floor and other != room and floor[other] >= floor[room]:
            faults.append(f"{where}: {room} (floor {floor[room]}) includes {other} (floor {floor[other]})")
        for pattern, home in FOREIGN.items():
            if m.group(1) == "<" and re.match(pattern, m.group(2)) and room != home:
                faults.append(f"{where}: <{m.group(2)}> belongs to the room {home}")
print("\n".join(faults))
sys.exit(1 if faults else 0)
