#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Models: fetched from a hub that fails in every way, added, checked, removed, and then used."""
import hashlib
import json
import signal
import struct
import threading

import flow
from hub import Hub

WEIGHTS = flow.ROOT / "model" / "weights"
REPOSITORY = "someone/Tiny-VL-GGUF"


class Models(flow.Flow):
    def setUp(self):
        super().setUp()
        self.models = self.dir / "data" / "vdet" / "models"
        self.text, self.projector = (WEIGHTS / "demo.gguf").read_bytes(), (WEIGHTS / "mmproj-demo.gguf").read_bytes()
        self.env |= {"VDET_MODEL_RETRIES": "3", "VDET_MODEL_CONNECTIONS": "3"}
        self.env.pop("HF_TOKEN", None)

    def hub(self, files=None):
        h = Hub(REPOSITORY, files or {"Tiny-VL-F16.gguf": self.text, "mmproj-Tiny-VL-F16.gguf": self.projector})
        self.addCleanup(h.stop)
        self.env["VDET_MODEL_HUB"] = h.url
        return h

    def get(self, *args, **kw):
        return self.vdet("model", "get", *(args or (f"{REPOSITORY}:f16",)), **kw)

    def here(self, name="tiny-vl"):
        return sorted(p.name for p in (self.models / name).iterdir()) if (self.models / name).is_dir() else []

    def assert_whole(self):
        folder = self.models / "tiny-vl"
        self.assertEqual(self.here(), ["Tiny-VL-F16.gguf", "mmproj-Tiny-VL-F16.gguf", "vdet-model.json"])
        self.assertEqual((folder / "Tiny-VL-F16.gguf").read_bytes(), self.text)
        self.assertEqual((folder / "mmproj-Tiny-VL-F16.gguf").read_bytes(), self.projector)

    def test_fetched_listed_checked_removed(self):
        hub = self.hub()
        r = self.get()
        self.assertIn("tiny-vl is ready", r.stdout)
        self.assert_whole()
        manifest = json.loads((self.models / "tiny-vl" / "vdet-model.json").read_text())
        self.assertEqual({f["name"]: f["sha256"] for f in manifest["files"]},
                         {n: hashlib.sha256(d).hexdigest() for n, d in hub.files.items()})
        self.assertGreater(len(hub.asked("host", "/Tiny-VL")), 3, "one connection for everything")
        before = len(hub.asked("host"))
        self.assertIn("is here already", self.get().stderr)
        self.assertEqual(len(hub.asked("host")), before)
        self.assertIn("tiny-vl", self.vdet("model", "list").stdout)
        entry = json.loads(self.vdet("model", "list", "--json").stdout.splitlines()[0])
        self.assertEqual((entry["name"], entry["repository"], entry["use"]), ("tiny-vl", REPOSITORY, "f16"))
        self.vdet("model", "check")
        damaged = self.models / "tiny-vl" / "Tiny-VL-F16.gguf"
        damaged.write_bytes(self.text[:-9] + b"\0damaged\0")
        r = self.vdet("model", "check", "tiny-vl", code=1)
        self.assertIn("Tiny-VL-F16.gguf: its SHA-256 is", r.stdout)
        self.assertIn("vdet model get", r.stderr)
        (self.models / "tiny-vl" / "notes.txt").write_text("mine")
        self.vdet("model", "rm", "tiny-vl")
        self.assertEqual(self.here(), ["notes.txt"])

    def test_the_token_stays_with_the_hub(self):
        hub = self.hub()
        hub.token = "hf_SECRET"
        r = self.get(code=1)
        self.assertIn("restricted", r.stderr)
        self.assertIn("HF_TOKEN", r.stderr)
        (self.dir / "token").write_text("hf_SECRET\n")
        r = self.get("--log-level", "debug", f"{REPOSITORY}:f16", env={"VDET_MODEL_TOKEN_FILE": str(self.dir / "token")})
        self.assert_whole()
        self.assertNotIn("hf_SECRET", r.stdout + r.stderr)
        self.assertTrue(hub.asked("host"))
        for _, headers in hub.asked("host"):
            self.assertNotIn("Authorization", headers)
        self.vdet("model", "rm", "tiny-vl")
        self.get(env={"HF_TOKEN": "hf_SECRET"})

    def test_what_may_pass_is_waited_for(self):
        hub = self.hub()
        hub.faults = [("hub", 503, {}), ("status", 429, {"Retry-After": "1"}), ("cut", 1000), ("status", 500, {}),
                      ("cut", 0)]
        self.get()
        self.assertEqual(hub.faults, [])
        self.assert_whole()

    def test_what_will_not_pass_is_one_clear_line(self):
        hub = self.hub()
        for status, said in ((403, "accept the model's licence"), (404, "was not found (HTTP 404")):
            hub.faults = [("hub", status, {"X-Error-Message": "told so"})]
            r = self.get(code=1)
            self.assertIn(said, r.stderr)
            self.assertIn("told so", r.stderr)
            self.assertEqual(r.stderr.count("error:"), 1)
        hub.faults = [("status", 416, {})]
        self.assertIn("HTTP 416", self.get(code=1).stderr)
        hub.faults = [("status", 503, {"Retry-After": "0"})] * 9
        self.assertIn("HTTP 503", self.get(code=1, env={"VDET_MODEL_RETRIES": "1"}).stderr)
        hub.faults = []
        self.assertIn("was not found", self.get("someone/Absent-GGUF", code=1).stderr)
        self.assertIn("not there at f32 or finer; there is f16", self.get(f"{REPOSITORY}:f32", code=1).stderr)
        self.assertIn("did you mean qwen2.5-vl-7b", self.get("qwen2.5-vl-7", code=1).stderr)
        self.assertIn("unknown precision q17", self.get(f"{REPOSITORY}:q17", code=2).stderr)
        self.get()
        self.assert_whole()

    def test_an_address_that_expires_is_asked_for_anew(self):
        hub = self.hub()
        reached, out = threading.Event(), {}
        hub.faults = [("hold", reached)]
        thread = threading.Thread(target=lambda: out.update(r=self.get(code=None, env={"VDET_MODEL_CONNECTIONS": "1"})))
        thread.start()
        self.assertTrue(reached.wait(flow.TIMEOUT))
        hub.oldest_signature = hub.signature + 1  # from now on, only new ones
        hub.released.set()
        thread.join()
        self.assertEqual(out["r"].returncode, 0, out["r"].stderr)
        self.assert_whole()

    def test_killed_and_gone_on_with(self):
        hub = self.hub()
        reached = threading.Event()
        hub.faults = [("cut", 50000), ("hold", reached)]
        p = self.start("model", "get", f"{REPOSITORY}:f16", "--model-connections", "1")
        self.assertTrue(reached.wait(flow.TIMEOUT))
        busy = self.get(code=1)
        self.assertIn("another process", busy.stderr)
        # The first stretches are noted once two seconds have passed; ended in order they are noted at once.
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(flow.TIMEOUT), 130)
        self.assertIn("Tiny-VL-F16.gguf.part.json", self.here())
        done = sum(json.loads((self.models / "tiny-vl" / "Tiny-VL-F16.gguf.part.json").read_text())["done"])
        self.assertGreater(done, 0)
        hub.released.set()
        before = len(hub.asked("host"))
        self.get()
        asked = [h["Range"].removeprefix("bytes=").split("-") for p, h in hub.asked("host", "/Tiny-VL")[before:]]
        fetched = sum(int(b) - int(a) + 1 for a, b in asked if (a, b) != ("0", "0"))
        self.assertEqual(fetched, len(self.text) - done)
        self.assert_whole()

    def test_killed_without_a_word(self):
        hub = self.hub()
        reached = threading.Event()
        hub.faults = [("hold", reached)]
        p = self.start("model", "get", f"{REPOSITORY}:f16", "--model-connections", "1")
        self.assertTrue(reached.wait(flow.TIMEOUT))
        p.send_signal(signal.SIGKILL)
        p.wait(flow.TIMEOUT)
        hub.released.set()
        self.get()
        self.assert_whole()

    def test_a_wrong_hash_is_never_put_in_place(self):
        hub = self.hub()
        hub.hashes["Tiny-VL-F16.gguf"] = "ab" * 32
        r = self.get(code=1)
        self.assertIn("instead of abababababab", r.stderr)
        self.assertEqual(self.here(), [])
        # The partial file of an earlier run is damaged: downloaded again, once.
        del hub.hashes["Tiny-VL-F16.gguf"]
        hub.faults = [("cut", 70000)] + [("status", 404, {})] * 9
        self.get(code=1, env={"VDET_MODEL_CONNECTIONS": "1"})
        part = self.models / "tiny-vl" / "Tiny-VL-F16.gguf.part"
        with open(part, "r+b") as f:
            f.seek(100)
            f.write(b"damage")
        hub.faults = []
        self.get()
        self.assert_whole()

    def test_a_server_without_ranges(self):
        hub = self.hub()
        hub.no_ranges = True
        hub.faults = [("cut", 90000)]
        self.get()
        self.assert_whole()

    def test_no_room(self):
        hub = self.hub()
        hub.said_size = 5 * 10 ** 12
        r = self.get(code=1)
        self.assertIn("needs 5.0 TB", r.stderr)
        self.assertEqual(self.here(), [])

    def test_not_a_model(self):
        hub = self.hub({"Tiny-VL-F16.gguf": self.text[:100000], "mmproj-Tiny-VL-F16.gguf": self.projector})
        self.assertIn("cut short", self.get(code=1).stderr)
        hub.files = {"Tiny-VL-F16.gguf": self.text}
        self.assertIn("no projector", self.get(code=1).stderr)
        hub.files = {"Tiny-VL-Q4_K_M.gguf": self.text, "mmproj-F16.gguf": self.projector}
        self.assertIn("there is q4_k_m", self.get(f"{REPOSITORY}:q8_0", code=1).stderr)

    def test_a_catalogue_of_ones_own(self):
        hub = self.hub()
        own = self.dir / "own.json"
        url = f"http://localhost:{hub.host_port}/%s?signature=9"
        entry = {"name": "mine", "title": "My own", "licence": "none", "quantize": "f16",
                 "files": [{"path": "a/model-f16.gguf", "url": url % "Tiny-VL-F16.gguf", "size": len(self.text),
                            "sha256": hashlib.sha256(self.text).hexdigest()},
                           {"path": "mmproj-model-f16.gguf", "url": url % "mmproj-Tiny-VL-F16.gguf"}]}
        own.write_text(json.dumps({"version": 1, "models": [entry]}))
        env = {"VDET_MODEL_CATALOGUE": str(own)}
        self.assertIn("mine", self.vdet("model", "list", "--all", env=env).stdout)
        self.get("mine", env=env)
        self.assertEqual(self.here("mine"), ["mmproj-model-f16.gguf", "model-f16.gguf", "vdet-model.json"])
        for change, said in (({"files": [{"path": "../x.gguf", "url": "http://x"}]}, "relative"),
                             ({"nmae": "x"}, 'unknown key "nmae"'), ({"repository": "x"}, "OWNER/NAME"),
                             ({"name": "a/b"}, "letters"), ({"files": None}, "neither")):
            own.write_text(json.dumps({"version": 1, "models": [{k: v for k, v in (entry | change).items() if v}]}))
            self.assertIn(said, self.vdet("model", "list", code=1, env=env).stderr)
        own.write_text("{")
        self.assertIn("own.json:1:", self.vdet("model", "list", code=1, env=env).stderr)

    def test_the_catalogue_says_what_is_confirmed(self):
        """Which entries a public page confirms, and which page; nothing is calculated from what is not known."""
        lines = self.vdet("model", "list", "--all", "--json").stdout.splitlines()
        all_ = {e["name"]: e for e in map(json.loads, lines) if e["type"] == "catalogue"}
        checked = all_["gemma-4-e4b"]
        self.assertTrue(checked["checked"] and checked["source"][0].startswith("https://"))
        self.assertEqual([checked["memory"], checked["picture_tokens_720p"]], [None, None])
        self.assertEqual(checked["family"]["reasoning"], "enable_thinking")
        self.assertFalse(all_["llama-4-scout"]["checked"])
        known = all_["qwen3-vl-8b"]
        self.assertTrue(known["checked"] and known["shape_source"] and known["memory"]["q8_0"] > 9e9)
        self.assertGreaterEqual(known["picture_tokens_720p"], 1024)
        rows = {line.split()[0]: line for line in self.vdet("model", "list", "--all").stdout.splitlines() if line}
        self.assertRegex(rows["gemma-4-e4b"], r" - +- +- +yes ")
        self.assertRegex(rows["llama-4-scout"], r" - +- +- +no ")
        flow.make_video(self.dir / "a.mp4", 2)
        plan = self.vdet("plan", "a.mp4", "--model", "gemma-4-e4b", "--gpu-memory", "24G")
        self.assertIn("memory:  unknown: how gemma-4-e4b is built", plan.stderr)

    def test_local_files(self):
        source = self.dir / "files"
        source.mkdir()
        (source / "eye.gguf").write_bytes(self.text)
        r = self.vdet("model", "add", source / "eye.gguf", code=1)
        self.assertIn("needs its projector", r.stderr)
        self.assertEqual(self.here("eye"), [])
        (source / "mmproj-eye.gguf").write_bytes(self.projector)
        self.vdet("model", "add", source / "eye.gguf", source / "mmproj-eye.gguf")
        self.assertEqual(self.here("eye"), ["eye.gguf", "mmproj-eye.gguf", "vdet-model.json"])
        self.vdet("model", "check", "eye")
        r = self.vdet("model", "add", source / "eye.gguf", source / "absent.gguf", code=1)
        self.assertIn("absent.gguf", r.stderr)
        other = source / "mmproj-other.gguf"
        other.write_bytes(wider(self.projector))
        r = self.vdet("model", "add", source / "eye.gguf", other, "--name", "mixed-up", code=1)
        self.assertIn("belongs to another model", r.stderr)
        self.assertEqual(self.here("mixed-up"), [])
        split = source / "big-00001-of-00003.gguf"
        split.write_bytes(self.text)
        self.assertIn("part 2 of 3", self.vdet("model", "add", split, source / "mmproj-eye.gguf", code=1).stderr)
        self.assertIn("is a projector", self.vdet("analyze", "x.mp4", "--model", source / "mmproj-eye.gguf", code=1).stderr)
        self.vdet("model", "rm", "eye")
        self.assertEqual(self.here("eye"), [])
        self.assertTrue((source / "eye.gguf").exists())

    def test_used_for_an_analysis(self):
        self.needs_engine()
        self.hub()
        self.get()
        flow.make_video(self.dir / "a.mp4", 4)
        self.analyze("--model", "tiny-vl")
        engine = self.report("a")["engine"]
        self.assertEqual(engine["model"], "Tiny-VL-F16")


    def analyze(self, *args, code=None):
        """A short answer may be cut off, and its chunk a hole; which model gave it is what matters here."""
        r = self.vdet("analyze", "a.mp4", "--chunk-duration", "4", "--chunk-frames", "2", "--max-tokens", "40", *args, code=code)
        if code is None:
            self.assertIn(r.returncode, (0, 1, 3), r.stderr)
        return r

    def test_made_at_another_precision(self):
        self.needs_engine()
        self.hub()
        flow.make_video(self.dir / "a.mp4", 4)
        self.get()
        self.analyze("--model", "tiny-vl", "--quantize", "q8_0", "--cache-type", "q8_0")
        engine = self.report("a")["engine"]
        self.assertEqual((engine["model"], engine["quantize"], engine["cache_type"]), ("Tiny-VL-q8_0", "q8_0", "q8_0"))
        made = [n for n in self.here() if n.startswith("Tiny-VL-q8_0-")]
        self.assertEqual(len(made), 1)
        self.assertLess((self.models / "tiny-vl" / made[0]).stat().st_size, len(self.text))
        self.assertIn("f16, q8_0", self.vdet("model", "list").stdout)
        self.vdet("model", "check")
        self.vdet("model", "rm", "tiny-vl:q8_0")
        self.assert_whole()
        # The demo model is not in the models folder: files made from it are stored apart. Its rows are shorter than the blocks
        # of 256 that q4_k_m takes.
        self.analyze("--model", WEIGHTS / "demo.gguf", "--quantize", "mixed", "--fresh")
        self.assertEqual(self.report("a")["engine"]["quantize"], "mixed")
        self.assertEqual(len(list((self.models / ".made").glob("demo-mixed-*.gguf"))), 1)

    def test_what_cannot_be_made(self):
        self.needs_engine()
        self.hub({"Tiny-VL-Q4_K_M.gguf": self.text, "mmproj-Tiny-VL-F16.gguf": self.projector})
        flow.make_video(self.dir / "a.mp4", 4)
        self.get(REPOSITORY)
        r = self.analyze("--model", "tiny-vl", "--quantize", "q8_0", code=1)
        self.assertIn("q8_0 cannot be made from it", r.stderr)
        self.assertIn("vdet model get", r.stderr)


def wider(projector):
    """The demo's projector with a last matrix of twice the width: mm.2.weight, 128 x 64 instead of 64 x 128, say."""
    at = projector.index(b"mm.2.weight") + len(b"mm.2.weight")
    dims, a, b = struct.unpack_from("<IQQ", projector, at)
    assert dims == 2 and a % 2 == 0
    return projector[:at] + struct.pack("<IQQ", 2, a // 2, b * 2) + projector[at + 20:]


if __name__ == "__main__":
    flow.main()
