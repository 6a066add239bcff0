# SPDX-License-Identifier: Apache-2.0
"""A round over `vdet analyze --fleet` with workers on hosts of their own: much breaks, and the report is that of one machine."""
import json
import os
import random
import shutil
import signal
import sqlite3
import struct
import subprocess
import time
from contextlib import closing
from pathlib import Path

import flow
import nats
from courier import Courier, Liar, Thief, ready
from hosts import Relay
from rounds import Round, lasting

OPTIONS = ["--chunk-duration", "1", "--chunk-frames", "3", "--prompt", "storm"]
ACK_WAIT = 2
# Seconds in which harm is done: so many, and so many times what one machine takes.
SPAN, SPAN_TIMES = 3, 2
WORKERS = ["w0", "w1", "w2", "w3"]
NODES = ["n0", "n1", "n2"]
HOSTS = ["head", "thief", *WORKERS, *NODES]
VIDEOS = {"a": (12, "testsrc2"), "b": (18, "testsrc"), "c": (24, "testsrc2")}
POISONED = 7  # the chunk of a poisoned video that kills decoders
# A decoder may begin a chunk at the keyframe before the one in it, and reads on from an earlier chunk that is near.
AROUND = {POISONED, POISONED + 1, POISONED + 2}
# Everything is whole again, and a worker is there.
PATIENCE = 240
READY = 60


class Process:
    """A program on a host, which can be killed and started again."""

    def __init__(self, round_, host, command, env, folder):
        self.round, self.host, self.command, self.env, self.folder = round_, host, command, env, folder
        self.process = None
        self.log = folder / "log"

    def start(self):
        with self.host, open(self.log, "ab") as log:
            self.process = subprocess.Popen(list(map(str, self.command)), cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()

    def end(self, seconds=flow.TIMEOUT):
        """Its exit code after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def said(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Node(Process):
    """A nats-server; one of a cluster where `routes` names the others."""

    def __init__(self, round_, host, number, port, cluster_port=None, routes=()):
        folder = round_.folder(f"n{number}")
        self.address = (host.address, port)
        self.url = f"nats://{host.address}:{port}"
        conf = [f'server_name: "n{number}"', f'listen: "{host.address}:{port}"',
                f'jetstream {{ store_dir: "{folder / "store"}", max_memory_store: 64MB, max_file_store: 1GB }}']
        if cluster_port:
            conf.append(f'cluster {{ name: "storm", listen: "{host.address}:{cluster_port}", '
                        f'routes: [{", ".join(json.dumps(r) for r in routes)}] }}')
        (folder / "conf").write_text("\n".join(conf) + "\n")
        super().__init__(round_, host, [nats.program(), "-c", folder / "conf"], dict(os.environ), folder)

    def ready(self):
        return ready(self.host, self.address)


class FleetRound(Round):
    # -- who is there

    def choose(self):
        rnd = self.rnd
        self.stem = rnd.choice(sorted(VIDEOS))
        self.cluster = rnd.random() < 0.25
        self.names = WORKERS[:rnd.randint(2, 4)]
        self.poisoned = rnd.random() < 0.15 and bool(os.environ.get("POISON_LIBRARY"))
        self.full_disk = rnd.choice(self.names) if self.can_fill_disk() and rnd.random() < 0.15 else None
        self.delayed = rnd.choice(self.names) if rnd.random() < 0.15 else None
        harms = ["worker", "worker", "head", "nats", "nats", "stream", "thief"]
        harms += [] if self.cluster else ["restore"]
        harms += [] if self.base.hosts.why else ["cut", "deaf", "mute", "lossy"]
        harms += ["liar", "second"]
        # Whose clock is another one, and is set while it runs.
        self.clocks = {name: 0 for name in ("head", *self.names) if os.environ.get("SET_CLOCK_LIBRARY") and rnd.random() < 0.15}
        self.clocks = {name: self.choose_clock(rnd) for name in self.clocks}
        harms += ["clock"] * bool(self.clocks)
        # In parts of the time.
        self.harms = sorted((rnd.random(), rnd.choice(harms), rnd.getrandbits(32)) for _ in range(rnd.randint(1, 5)))
        self.note(f"{self.stem}.mp4{' poisoned' if self.poisoned else ''}, {len(self.names)} workers"
                  f"{', cluster' if self.cluster else ''}{f', disk of {self.full_disk} full' if self.full_disk else ''}"
                  f"{f', {self.delayed} is delayed' if self.delayed else ''}"
                  f"{f', clocks {self.clocks}' if self.clocks else ''}")

    @staticmethod
    def choose_clock(rnd):
        """Seconds, from an hour to ten years, ahead or behind."""
        return rnd.choice([-1, 1]) * int(3600 * rnd.choice([1, 24, 24 * 365 * 10]) * rnd.uniform(1, 2))

    def set_clock(self, name, seconds):
        with open(self.dir / f"clock-{name}", "r+b" if (self.dir / f"clock-{name}").exists() else "wb") as f:
            f.write(struct.pack("=q", seconds))

    def preload(self, name, env, *libraries):
        """The environment with the libraries, and that of its clock."""
        libraries = list(libraries)
        if name in self.clocks:
            self.set_clock(name, self.clocks[name])
            env["SET_CLOCK"] = str(self.dir / f"clock-{name}")
            libraries.append(os.environ["SET_CLOCK_LIBRARY"])
        return env | ({"LD_PRELOAD": ":".join(libraries)} if libraries else {})

    def start_nats(self):
        hosts = [self.base.hosts[n] for n in (NODES if self.cluster else NODES[:1])]
        ports = [h.free_port() for h in hosts]
        inner = [h.free_port() for h in hosts] if self.cluster else [None]
        routes = [f"nats://{h.address}:{p}" for h, p in zip(hosts, inner)] if self.cluster else []
        self.nodes = [Node(self, h, i, ports[i], inner[i], routes) for i, h in enumerate(hosts)]
        for n in self.nodes:
            self.addCleanup(n.kill)
            n.start()
        self.url = ",".join(n.url for n in self.nodes)
        self.wait_nats()

    def wait_nats(self):
        end = time.monotonic() + READY
        while not all(n.ready() for n in self.nodes):
            self.assertLess(time.monotonic(), end, "NATS does not become ready: " + "".join(n.said()[-1500:] for n in self.nodes))
            time.sleep(0.1)

    def worker(self, name):
        folder, host, url = self.folder(name), self.base.hosts[name], self.url
        if name == self.delayed:
            relay = Relay(host, self.nodes[0].address, 0.2)
            self.addCleanup(relay.stop)
            url = "nats://{}:{}".format(*relay.address)
        env = self.env | {f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("DATA", "CONFIG", "CACHE")}
        libraries = []
        if name == self.full_disk:
            (folder / "full").touch()
            env["FULL_DISK"] = str(folder / "full")
            libraries.append(os.environ["FULL_DISK_LIBRARY"])
        if self.poisoned:
            env["POISON"] = str(self.base.place_of_poison(self.stem, POISONED))
            libraries.append(os.environ["POISON_LIBRARY"])
        return Process(self, host, [flow.VDET, "worker", "--fleet", url, "--fleet-name", name, "--engine",
                                    self.base.engine_of[name].url], self.preload(name, env, *libraries), folder)

    def analysis(self, folder, env):
        """A head on the host of the head."""
        host = self.base.hosts["head"]
        listen = f"{host.address}:{host.free_port()}"
        shutil.copy(self.base.videos / f"{self.stem}.mp4", folder)
        command = [flow.VDET, "analyze", f"{self.stem}.mp4", *OPTIONS, "--engine", self.base.engine_of["head"].url, "--fleet", self.url,
                   "--fleet-listen", listen, "--fleet-address", f"http://{listen}", "--fleet-ack-wait", ACK_WAIT,
                   "--fleet-replicas", 3 if self.cluster else 1]
        return Process(self, host, command, env, folder)

    def begin_all(self):
        self.start_nats()
        self.store.parent.mkdir(parents=True)
        shutil.copy(self.base.journal, self.store)
        self.head = self.analysis(self.folder("head"), self.preload("head", dict(self.env)))
        self.seconds_heads = []
        self.workers = [self.worker(n) for n in self.names]
        self.thieves, self.began = [], time.monotonic()
        for p in (self.head, *self.workers):
            self.addCleanup(p.kill)
            p.start()

    # -- harm: each says what it did, and puts what mends it off until later

    def later(self, seconds, what, mends=True):
        self.pending.append((time.monotonic() + seconds, mends, what))
        self.pending.sort(key=lambda p: p[0])

    def harm_worker(self, rnd):
        w = rnd.choice(self.workers)
        w.kill()
        self.kills += 1
        self.later(rnd.uniform(0, 2), lambda: w.runs() or w.start())
        return w.folder.name

    def harm_head(self, rnd):
        self.head.kill()
        self.kills += 1
        self.check_journal()
        self.later(rnd.uniform(0, 1), self.start_head)

    def start_head(self):
        if not self.head.runs():
            self.head.start()

    def harm_nats(self, rnd):
        n = rnd.choice(self.nodes)
        n.kill()
        self.kills += 1
        self.later(rnd.uniform(0.1, 3), lambda: n.runs() or n.start())
        return n.folder.name

    def harm_stream(self, rnd):
        """Any of them: units, results, the buckets."""
        try:
            c = Courier(self.base.hosts["thief"], self.nodes[0].address)
        except OSError:
            return "no connection"
        try:
            streams = sorted(c.streams())
            victim = rnd.choice(streams) if streams else "none"
            if streams:
                c.api(f"STREAM.DELETE.{victim}")
            return victim
        except (OSError, ValueError):
            return "no answer"
        finally:
            c.close()

    def harm_restore(self, rnd):
        """A copy of the folder is made now, and put back later."""
        [n] = self.nodes
        copy = n.folder / "copy"
        n.kill()
        shutil.rmtree(copy, True)
        if (n.folder / "store").exists():
            shutil.copytree(n.folder / "store", copy)
        n.start()

        def restore():
            n.kill()
            if copy.exists():
                shutil.rmtree(n.folder / "store", True)
                shutil.copytree(copy, n.folder / "store")
            n.start()
        self.later(rnd.uniform(0.5, 4), restore)

    def harm_thief(self, rnd):
        t = Thief(self.base.hosts["thief"], self.nodes[0].address, rnd.randint(1, 4), rnd.random() < 0.7)
        self.thieves.append(t)
        t.start()
        return "acknowledges" if t.acknowledges else "keeps"

    def harm_liar(self, rnd):
        t = Liar(self.base.hosts["thief"], self.nodes[0].address, rnd.randint(1, 6), rnd.random() < 0.7,
                 random.Random(rnd.getrandbits(32)))
        self.thieves.append(t)
        t.start()
        return "acknowledges" if t.acknowledges else "keeps"

    def harm_clock(self, rnd):
        name = rnd.choice(sorted(self.clocks))
        # Back by seconds only: libnats waits by the time of day, and for so much longer.
        step = rnd.choice([-2, abs(self.choose_clock(rnd))])
        self.clocks[name] += step
        self.set_clock(name, self.clocks[name])
        return f"of {name} is set {step:+} seconds"

    def harm_second(self, rnd):
        """Another head with this journal, or a copy of it."""
        folder, env, copy = self.folder(f"second{len(self.seconds_heads)}"), dict(self.env), rnd.random() < 0.5
        if copy:
            env |= {f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("DATA", "CONFIG", "CACHE")}
            store = folder / "data" / self.store.relative_to(self.env["XDG_DATA_HOME"])
            store.parent.mkdir(parents=True)
            with closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True, timeout=60)) as a, closing(sqlite3.connect(store)) as b:
                a.backup(b)
        p, first = self.analysis(folder, env), self.head.process
        self.seconds_heads.append(p)
        self.addCleanup(p.kill)
        p.start()

        def look():
            code = p.process.poll()
            p.kill()
            # Where the first one was not there all the time, it may have begun.
            if first is self.head.process and self.head.runs() and code not in (None, -9):
                self.note(f"the second head ended with {code}: {p.said().splitlines()[-1:]}")
                self.assertNotIn(code, (0, 3), "two heads at the same time")
        self.later(rnd.uniform(2, 9), look)
        return "with a copy of the journal" if copy else "with the journal"

    def harm_link(self, rnd, how):
        victims = [*self.names, "head", *(p.host.name for p in self.nodes)]
        host = self.base.hosts[rnd.choice(victims)]
        getattr(host, how)()
        self.later(rnd.uniform(0.3, 5), host.heal)
        return host.name

    def harm(self, kind, seed):
        rnd = random.Random(seed)
        method = getattr(self, f"harm_{kind}", None)
        return method(rnd) if method else self.harm_link(rnd, kind)

    def do_harm(self):
        self.pending, start = [], self.began
        span = SPAN + SPAN_TIMES * self.base.seconds[self.stem]

        def strike(kind, seed):
            self.note(f"{time.monotonic() - start:.2f} s: {kind} {self.harm(kind, seed) or ''}".rstrip())
        for at, kind, seed in self.harms:
            self.later(at * span, lambda kind=kind, seed=seed: strike(kind, seed), mends=False)
        while self.pending and self.wait_head(self.pending[0][0] - time.monotonic()) != 0:
            self.pending.pop(0)[2]()
        for _, mends, what in self.pending:
            if mends:
                what()

    def wait_head(self, seconds):
        """Its exit code; None while it runs."""
        if not self.head.runs():
            time.sleep(max(0, seconds))
        try:
            return self.head.process.wait(max(0, seconds))
        except subprocess.TimeoutExpired:
            return None

    # -- what has to be true

    def rows(self, query):
        if not self.store.exists():
            return []
        with closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True, timeout=60)) as db:
            return db.execute(query).fetchall()

    def check_journal(self):
        """Nothing is lost, and nothing is journaled twice."""
        now = self.journal()
        self.assertLessEqual(self.before, now, "the journal lost a chunk")
        self.before = now
        twice = self.rows("SELECT job, idx, count(*) FROM storm_done GROUP BY job, idx HAVING count(*) > 1")
        self.assertEqual(twice, [], "a chunk was journaled twice")

    def finish(self):
        """All is whole again; the head comes to its end."""
        self.base.hosts.heal()
        for t in self.thieves:
            t.over = True
        for p in (*self.nodes, *self.workers):
            if not p.runs():
                p.start()
        self.wait_nats()
        codes = (0, 3) if self.poisoned else (0,)
        end = time.monotonic() + PATIENCE
        while True:
            if self.head.runs():
                code = self.wait_head(end - time.monotonic())
                self.assertIsNotNone(code, "the head does not come to its end")
            else:
                code = self.head.process.returncode
            if code in codes:
                self.note(f"done after {time.monotonic() - self.began:.1f} s")
                return
            last = self.head.said().strip().splitlines()[-1:]
            self.note(f"the head ended with {code}: {last}")
            # A head that begins while there is no NATS says so, and ends.
            if code != -9:
                self.assertRegex("".join(last), "--fleet nats:|another head has taken over",
                                 f"the head gave up\n{self.tail()}")
            self.head.start()

    def tail(self):
        processes = (self.head, *self.seconds_heads, *self.workers)
        return "\n".join(f"--- {p.folder.name}\n" + "\n".join(p.said().splitlines()[-25:]) for p in processes)

    def check_report(self):
        got = lasting(json.loads((self.head.folder / f"{self.stem}.vdet" / "report.json").read_text()))
        want = self.base.reference(self.stem)
        if not self.poisoned:
            self.assertEqual(got, want)
            return
        holes = [c["index"] for c in got["chunks"] if c["state"] != "done"]
        self.assertLessEqual(set(holes), AROUND, f"{got['holes']}")

        # A decoder that dies of one picture may have had others.
        def others(report):
            return [c for c in report["chunks"] if c["index"] not in AROUND]
        self.assertEqual(others(got), others(want))

    def end_workers(self):
        for w in self.workers:
            if w.runs() and w.end() == 0:
                continue
            # One that was started again while there was no NATS says so, and ends.
            self.assertEqual(w.process.returncode, 1, f"{w.folder.name} does not end well")
            self.assertIn("no NATS server answers", w.said().splitlines()[-1], f"{w.folder.name} does not end well")

    def play(self):
        self.before = set()
        self.choose()
        self.base.reference(self.stem)
        self.begin_all()
        try:
            self.do_harm()
            self.finish()
            self.check_journal()
            self.check_report()
            self.end_workers()
        except Exception:
            self.note(self.tail())
            raise
        for p in (self.head, *self.seconds_heads, *self.workers):
            self.no_faults(p.said())
        for t in self.thieves:
            self.assertIsNone(t.fault)
            self.note(f"told {t.told}") if isinstance(t, Liar) and t.told else None
        for n in self.nodes:
            n.kill()
        self.no_orphans()
        self.assertEqual(os.listdir(self.env["TMPDIR"]), [], "temporary folders are left over")

    def doCleanups(self):  # noqa: N802
        self.base.hosts.heal()
        return super().doCleanups()


class FleetBase:
    """What outlives a round: hosts, videos, engines, what one machine reports, an empty journal that counts."""

    def __init__(self, folder, hosts):
        self.dir, self.hosts = Path(folder), hosts
        self.videos = self.dir / "videos"
        self.videos.mkdir()
        for stem, (seconds, source) in VIDEOS.items():
            flow.make_video(self.videos / f"{stem}.mp4", seconds, "160x90", source=source, extra=["-pix_fmt", "yuv420p"])
        self.engine_of = {}
        for name in ("head", *WORKERS):
            with hosts[name]:
                self.engine_of[name] = flow.FakeEngine(self.dir, "--model", "same", "--latency", "0.4" if name != "head" else "0",
                                                       "--slots", "1")
        self.engines = list(self.engine_of.values())
        self.reports, self.seconds = {}, {}  # of one machine
        self.journal = self.make_journal()

    def environment(self, name):
        folder = self.dir / name
        folder.mkdir(exist_ok=True)
        env = {k: v for k, v in os.environ.items() if not k.startswith("VDET_")}
        env |= {f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("DATA", "CONFIG", "CACHE")}
        env |= {"VDET_RUNTIME_DIR": flow.runtime(), "VDET_SAMPLE_POLICY": "even", "VDET_CHECK_VERIFY": "none", "VDET_TEXT_SCREEN": "off"}
        return folder, env

    def run(self, folder, env, *command):
        with self.hosts["head"]:
            subprocess.run([flow.VDET, *map(str, command)], cwd=folder, env=env, check=True, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=flow.TIMEOUT)

    def make_journal(self):
        folder, env = self.environment("empty")
        self.run(folder, env, "index", self.videos / "a.mp4")
        [path] = (folder / "data").rglob("vdet.db")
        with closing(sqlite3.connect(path)) as db:
            db.executescript("CREATE TABLE storm_done (job TEXT, idx INTEGER);"
                             "CREATE TRIGGER storm AFTER UPDATE OF state ON chunk WHEN new.state = 1 "
                             "BEGIN INSERT INTO storm_done VALUES (new.job, new.idx); END;")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return path

    def reference(self, stem):
        if stem not in self.reports:
            folder, env = self.environment(f"alone-{stem}")
            shutil.copy(self.videos / f"{stem}.mp4", folder)
            start = time.monotonic()
            self.run(folder, env, "analyze", f"{stem}.mp4", *OPTIONS, "--engine", self.engine_of["head"].url)
            self.seconds[stem] = time.monotonic() - start
            self.reports[stem] = lasting(json.loads((folder / f"{stem}.vdet" / "report.json").read_text()))
        return self.reports[stem]

    def place_of_poison(self, stem, chunk):
        """The place in the file of a packet that the chunk needs, and no other."""
        r = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "packet=pos,pts_time", "-of", "json", self.videos / f"{stem}.mp4"],
                           capture_output=True, text=True, check=True)
        packets = [(float(p["pts_time"]), int(p["pos"])) for p in json.loads(r.stdout)["packets"]]
        return min(packets, key=lambda p: abs(p[0] - (chunk + 0.3)))[1]

    def close(self):
        for engine in self.engines:
            engine.stop()
