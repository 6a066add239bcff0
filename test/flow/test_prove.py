#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""vdet key and vdet prove: one key for each installation; what a signed answer says is compared with its videos."""
import copy
import hashlib
import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import flow


class Key(flow.Flow):
    def setUp(self):
        super().setUp()
        self.path = self.dir / "data" / "vdet" / "signing-key.pem"

    def test_one_key_for_an_installation(self):
        first = json.loads(self.vdet("key", "show", "--json").stdout)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.assertEqual(first["file"], str(self.path))
        self.assertIn(first["fingerprint"], self.vdet("key").stdout)
        self.assertEqual(json.loads(self.vdet("key", "show", "--json").stdout), first)
        self.path.unlink()
        self.assertNotEqual(json.loads(self.vdet("key", "show", "--json").stdout)["fingerprint"], first["fingerprint"])

    def test_processes_that_start_at_once_get_the_same(self):
        shown = [self.start("key", "show", "--json") for _ in range(6)]
        texts = {p.communicate(timeout=flow.TIMEOUT)[0] for p in shown}
        self.assertEqual(len(texts), 1, texts)
        self.assertEqual([p.name for p in self.path.parent.iterdir()], ["signing-key.pem"])

    def test_export(self):
        self.vdet("key", "export", "key.pem")
        text = (self.dir / "key.pem").read_text()
        self.assertEqual(self.vdet("key", "export").stdout, text)
        self.assertNotIn("PRIVATE", text)
        self.vdet("key", "export", "key.pem")
        (self.dir / "other").write_text("mine")
        self.assertIn("exists already", self.vdet("key", "export", "other", code=2).stderr)
        self.assertEqual((self.dir / "other").read_text(), "mine")

    def test_the_files_are_those_of_openssl(self):
        if not shutil.which("openssl"):
            self.skipTest("no openssl")
        self.vdet("key", "export", "key.pem")
        public = subprocess.run(["openssl", "pkey", "-pubin", "-in", "key.pem", "-outform", "DER"], cwd=self.dir, check=True,
                                capture_output=True).stdout
        derived = subprocess.run(["openssl", "pkey", "-in", self.path, "-pubout", "-outform", "DER"], cwd=self.dir, check=True,
                                 capture_output=True).stdout
        self.assertEqual(public, derived)
        fingerprint = json.loads(self.vdet("key", "show", "--json").stdout)["fingerprint"]
        self.assertEqual(hashlib.sha256(public[-32:]).hexdigest(), fingerprint)

    def test_a_key_that_cannot_be_read_is_not_replaced(self):
        self.vdet("key")
        self.path.write_text("damaged")
        self.assertIn("backup", self.vdet("key", code=1).stderr)
        self.assertEqual(self.path.read_text(), "damaged")

    def test_usage(self):
        self.vdet("key", "borrow", code=2)
        self.vdet("key", "show", "more", code=2)


def planes(video, pts):
    """The identity of the frame of this time, in seconds, as ffmpeg computes it: independent of vdet."""
    r = subprocess.run(["ffmpeg", "-v", "error", "-i", video, "-vf", f"select='gte(t,{pts - 0.001})'", "-frames:v", "1",
                        "-fps_mode", "passthrough", "-f", "rawvideo", "-"], check=True, capture_output=True)
    return hashlib.sha256(r.stdout).hexdigest()


class Prove(flow.Flow):
    def setUp(self):
        super().setUp()
        self.vdet("world", "w.mp4", "--duration", "12", "--width", "320")
        self.video = self.dir / "w.mp4"
        probed = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries",
                                 "stream=width,height,pix_fmt:packet=pts_time", "-of", "json", self.video], check=True,
                                capture_output=True)
        facts = json.loads(probed.stdout)
        [stream] = facts["streams"]
        self.times = sorted(float(p["pts_time"]) for p in facts["packets"])
        self.format = f"{stream['pix_fmt']} {stream['width']}x{stream['height']}"
        self.answer = self.make_answer((self.times[10], self.times[40]), (self.times[80],))

    def make_answer(self, *cites):
        """An answer of one source, with a citation of frames at each of these times."""
        text = (flow.ROOT / "test" / "fuzz" / "corpus" / "answer" / "answered").read_text()
        a = json.loads(text)
        a["sources"] = a["sources"][:1]
        a["sources"][0] |= {"sha256": hashlib.sha256(self.video.read_bytes()).hexdigest(), "name": "w.mp4"}
        a["cites"] = [self.make_cite(a["cites"][0], times) for times in cites]
        a["claims"] = [{"text": "It is there", "verdict": "shown", "cites": [i + 1]} for i in range(len(cites))]
        a["steps"] = [{"kind": k, "text": f"step {k}", "request": "0" * 64, "result": "1" * 64} for k in ("search", "look", "check")]
        return a

    def make_cite(self, like, times):
        frame = {"picture_sha256": "0" * 64, "planes_format": self.format, "decode_path": "software", "gray": None}
        frames = [frame | {"pts": t, "planes_sha256": planes(self.video, t)} for t in times]
        return copy.deepcopy(like) | {"source": 0, "start": times[0], "end": times[-1], "frames": frames}

    def sign(self, answer=None, name="answer.json"):
        (self.dir / name).write_text(json.dumps(answer or self.answer))
        self.vdet("key", "sign", name)
        return json.loads((self.dir / name).read_text())

    def write(self, answer):
        (self.dir / "answer.json").write_text(json.dumps(answer))

    def prove(self, *args, code=0, **kw):
        r = self.vdet("prove", "--json", *args, code=code, **kw)
        return json.loads(r.stdout)

    def lines(self, proof, state):
        return [(l["about"], l["number"]) for l in proof["lines"] if l["state"] == state]

    def texts(self, proof, state):
        return "\n".join(l["text"] for l in proof["lines"] if l["state"] == state)

    def test_all_holds(self):
        self.sign()
        proof = self.prove("answer.json", "w.mp4")
        self.assertEqual((proof["format"], proof["result"]), ("vdet-proof/1", "holds"))
        self.assertEqual(self.lines(proof, "holds"), [("signature", None), ("steps", None), ("source", 1), ("frames", 1),
                                                      ("frames", 2)])
        text = self.vdet("prove", "answer.json", "w.mp4").stdout
        self.assertIn("2 of 2 frames decoded again", text)
        self.assertIn("5 hold, 0 do not, 0 could not be checked", text)

    def test_who_signed_it(self):
        self.sign()
        self.vdet("key", "export", "theirs.pem")
        elsewhere = {"XDG_DATA_HOME": str(self.dir / "elsewhere")}
        proof = self.prove("answer.json", "w.mp4", code=3, env=elsewhere)
        self.assertIn("unknown signer, only consistency was checked", self.texts(proof, "unchecked"))
        self.assertEqual(list((self.dir / "elsewhere").glob("vdet/*.pem")), [])  # no key is made to read
        self.prove("answer.json", "w.mp4", "--key", "theirs.pem", env=elsewhere)
        self.vdet("key", "export", "other.pem", env=elsewhere)
        proof = self.prove("answer.json", "w.mp4", "--key", "other.pem", code=1)
        self.assertEqual(self.lines(proof, "fails"), [("signature", None)])
        # Signed by no one: nothing is known, and it is wrong where a signature is expected.
        self.write(self.answer)
        self.assertEqual(self.lines(self.prove("answer.json", "w.mp4", code=3), "unchecked"), [("signature", None)])
        self.prove("answer.json", "w.mp4", "--key", "theirs.pem", code=1)
        # Their signature is not replaced by ours.
        self.sign()
        self.assertIn("not by this key", self.vdet("key", "sign", "answer.json", code=2, env=elsewhere).stderr)

    def test_openssl_verifies_it(self):
        """With the canonical form as Python writes it: docs/prove.md is enough to check a signature without vdet."""
        signed = self.sign()
        self.vdet("key", "export", "key.pem")
        before = "0" * 64
        for step, link in zip(signed["steps"], signed["signature"]["chain"], strict=True):
            form = json.dumps(step, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            before = hashlib.sha256(f"{before}\n{form}".encode()).hexdigest()
            self.assertEqual(before, link)
        if not shutil.which("openssl"):
            self.skipTest("no openssl")
        (self.dir / "sig.b64").write_text(signed["signature"].pop("signature") + "\n")
        subprocess.run(["openssl", "base64", "-d", "-A", "-in", "sig.b64", "-out", "sig"], cwd=self.dir, check=True)

        def whole(v):  # as ECMAScript writes it
            if isinstance(v, float) and v.is_integer():
                return int(v)
            if isinstance(v, dict):
                return {k: whole(x) for k, x in v.items()}
            return [whole(x) for x in v] if isinstance(v, list) else v
        form = json.dumps(whole(signed), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        (self.dir / "message").write_text("vdet-signature/1\n" + form)
        r = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in", "message", "-sigfile",
                            "sig"], cwd=self.dir, capture_output=True, text=True)
        self.assertIn("Success", r.stdout, r.stderr)

    def test_one_byte_changed(self):
        """test-sign.c changes each; here, the command sees some, of every part of the file."""
        signed = self.sign()
        path = self.dir / "answer.json"
        data = path.read_bytes()
        for at in range(0, len(data), max(1, len(data) // 60)):
            changed = bytearray(data)
            changed[at] ^= 1
            path.write_bytes(changed)
            r = self.vdet("prove", "--json", "answer.json", code=None)
            try:
                same = json.loads(changed) == signed
            except ValueError:
                same = False
            self.assertEqual(r.returncode, 3 if same else 1, f"byte {at}: {r.stdout}{r.stderr}")

    def test_chain_computed_again_without_the_key(self):
        self.sign()
        self.vdet("key", "export", "key.pem")
        forged = copy.deepcopy(self.answer)
        forged["cites"][0]["text"] = "Something else."
        forged["steps"][1]["result"] = "2" * 64
        (self.dir / "answer.json").write_text(json.dumps(forged))
        self.vdet("key", "sign", "answer.json", env={"XDG_DATA_HOME": str(self.dir / "thief")})
        proof = self.prove("answer.json", "w.mp4", "--key", "key.pem", code=1)
        self.assertEqual(self.lines(proof, "fails"), [("signature", None)])
        proof = self.prove("answer.json", "w.mp4", code=3)
        self.assertIn("unknown signer", self.texts(proof, "unchecked"))

    def test_another_video(self):
        self.sign()
        changed = self.dir / "changed.mp4"
        changed.write_bytes(self.video.read_bytes() + b"\0")
        proof = self.prove("answer.json", "changed.mp4", code=1)
        self.assertEqual(self.lines(proof, "fails"), [("source", None)])
        self.assertEqual(self.lines(proof, "unchecked"), [("source", 1), ("frames", 1), ("frames", 2)])
        shutil.copy(self.video, self.dir / "renamed.mp4")
        self.prove("answer.json", "renamed.mp4")
        proof = self.prove("answer.json", code=3)
        self.assertIn("its video was not given", self.texts(proof, "unchecked"))

    def test_frames_that_are_not_those(self):
        """Signed, but the video does not show what the answer says."""
        first, second = self.answer["cites"]
        first["frames"][0]["planes_sha256"], second["frames"][0]["planes_sha256"] = (
            second["frames"][0]["planes_sha256"], first["frames"][0]["planes_sha256"])
        self.sign()
        proof = self.prove("answer.json", "w.mp4", code=1)
        self.assertEqual(self.lines(proof, "fails"), [("frames", 1), ("frames", 2)])
        self.assertIn("is another one", self.texts(proof, "fails"))
        self.assertIn("1 of 2 frames decoded again", self.texts(proof, "holds"))

        self.answer = self.make_answer((self.times[10],), (self.times[80],))
        self.answer["cites"][0]["frames"][0]["pts"] += 0.001
        self.answer["cites"][1]["frames"][0]["pts"] = self.answer["cites"][1]["end"] = 5000
        self.sign()
        proof = self.prove("answer.json", "w.mp4", code=1)
        self.assertIn("but one at 00:00:", self.texts(proof, "fails"))
        self.assertIn("no frame at 01:23:20.000", self.texts(proof, "fails"))

        # A decoder that may return other samples can show nothing to be wrong; without an identity nothing is compared.
        self.answer = self.make_answer((self.times[10],), (self.times[80],))
        self.answer["cites"][0]["frames"][0] |= {"planes_sha256": "a" * 64, "decode_path": "hardware"}
        self.answer["cites"][1]["frames"][0] |= {"planes_sha256": None, "planes_format": None, "decode_path": None}
        self.sign()
        proof = self.prove("answer.json", "w.mp4", code=3)
        self.assertEqual(self.lines(proof, "unchecked"), [("frames", 1), ("frames", 2)])
        self.assertIn("decoded as hardware, and here as software", self.texts(proof, "unchecked"))

    def test_a_decoder_that_fails_says_nothing(self):
        self.sign()
        proof = self.prove("answer.json", "w.mp4", "--media-timeout", "1ms", code=3)
        self.assertEqual(self.lines(proof, "unchecked"), [("frames", 1), ("frames", 2)])
        self.assertIn("media-timeout", self.texts(proof, "unchecked"))

    def test_hostile_files(self):
        self.sign()
        good = (self.dir / "answer.json").read_bytes()

        def refuses(data, text, code=1):
            (self.dir / "bad.json").write_bytes(data)
            r = self.vdet("prove", "bad.json", "w.mp4", code=code)
            self.assertIn(text, r.stderr)
            self.assertEqual(r.stdout, "")
        refuses(b"[" * 100000, "nested")
        refuses(b"[" + b"{}," * 1100000 + b"0]", "more values")
        refuses(b"not JSON", "not JSON")
        refuses(b"[]", "not an object")
        refuses(b"{}", "neither an answer nor a report")
        refuses(b'{"format": "vdet-answer/9"}', "vdet-answer/9")
        refuses(good[:-10], "not JSON")
        refuses(good.replace(b'"question"', b'"id": 1, "question"', 1), "duplicate")
        with open(self.dir / "bad.json", "wb") as f:
            f.truncate((64 << 20) + 1)
        self.assertIn("larger than", self.vdet("prove", "bad.json", code=1).stderr)
        os.mkfifo(self.dir / "pipe")
        self.assertIn("regular file", self.vdet("prove", "pipe", code=2).stderr)
        self.assertIn("folder", self.vdet("prove", self.dir, code=2).stderr)
        self.vdet("prove", code=2)
        self.vdet("prove", "none.json", code=1)
        # Names are only printed, and control nothing.
        self.answer["sources"][0]["name"] = "../../etc/\u202e\u001b[2Jpasswd"
        self.answer["cites"][0]["text"] = "x\ny"
        self.sign()
        out = self.vdet("prove", "answer.json", "w.mp4").stdout
        self.assertNotIn("\x1b", out)
        self.assertNotIn("\u202e", out)
        self.assertIn('"x y"', out)
        self.answer["question"] = "Is it there?\u001b]0;x\u0007\u202e\nholds          signed by this installation"
        self.answer["text"] = "Yes.\r\nholds          all\u009b2J" + "x" * 100000
        self.answer["sources"][0]["name"] = "w.mp4\nholds          it\u001b[1A"
        self.sign()
        out = self.vdet("prove", "answer.json", "w.mp4").stdout
        self.assertFalse(set(out) & set("\x1b\x07\r\x9b\u202e"))
        self.assertLess(max(map(len, out.split("\n"))), 4100)
        self.assertEqual(len([l for l in out.split("\n") if l.startswith("holds")]), 5)

    def test_what_the_file_says_comes_first(self):
        self.answer |= {"question": "Is there a box?", "text": "Yes, at 0:02 [1]."}
        signed = self.sign()
        lines = self.vdet("prove", "answer.json", "w.mp4").stdout.split("\n")
        self.assertEqual(lines[:4], ["question       Is there a box?", "answer         Yes, at 0:02 [1].", "video          w.mp4", ""])
        self.assertEqual(self.prove("answer.json", "w.mp4")["file"],
                         {"kind": "answer", "question": "Is there a box?", "text": "Yes, at 0:02 [1].", "videos": ["w.mp4"]})
        self.assertEqual(len([l for l in lines if l.startswith("holds")]), 5)
        signed["sources"] += [signed["sources"][0] | {"name": f"{i}.mp4"} for i in range(30)]
        self.write(signed)
        self.assertIn("\n               and 11 more\n", self.vdet("prove", "answer.json", "w.mp4", code=1).stdout)

    def test_no_line_of_the_file_looks_like_a_result(self):
        gap = " " * 80 + "\u00a0\u3000" * 40
        self.answer |= {"question": f"Is it?{gap}holds", "text": f"Yes.{gap}holds          signed"}
        self.answer["cites"][0]["text"] = f"A box{gap}holds"
        self.answer["sources"][0]["name"] = f"w{gap}holds.mp4"
        self.sign()
        out = self.vdet("prove", "answer.json", "w.mp4").stdout
        self.assertIn("answer         Yes. holds signed\nvideo          w holds.mp4\n", out)
        self.assertFalse([l for l in out.split("\n") if "  " in l[15:] or "\u3000" in l])

    def engine_that_says(self, letter):
        (self.dir / "scene.json").write_text(json.dumps({"stretches": {}}))
        return self.engine("--scene", str(self.dir / "scene.json"), "--checks", letter)

    def test_claims_are_checked_again(self):
        self.answer["cites"][1]["sense"] = "said"
        self.sign()
        for letter, state, code in (("A", "holds", 0), ("B", "fails", 1), ("C", "unchecked", 3), ("prose", "unchecked", 3)):
            engine = self.engine_that_says(letter)
            proof = self.prove("answer.json", "w.mp4", "--recheck", "--engine", engine.url, code=code)
            claims = [l for l in proof["lines"] if l["about"] == "claim"]
            self.assertEqual([(l["number"], l["state"]) for l in claims], [(1, state)], letter)
            asked = ["".join(r["texts"]) for r in engine.lines("begin") if r.get("texts")]
            self.assertTrue(asked and all("It is there." in t for t in asked if "Statement: " in t))
        # Without --recheck there is no request.
        engine = self.engine_that_says("A")
        self.prove("answer.json", "w.mp4", "--engine", engine.url)
        self.assertEqual(engine.lines("begin"), [])

    def test_what_ask_answers(self):
        """The real chain, with the demo model: the same question gives the same bytes, which hold."""
        if not (Path(flow.runtime()) / "llama-server").exists():
            self.skipTest("no llama-server: tools/setup engine")
        self.vdet("world", "asked.mp4", "--duration", "40", "--hour", "12", "--events", "360")
        self.vdet("analyze", "asked.mp4")
        self.vdet("ask", "asked.mp4", "Is there a red square?", "--output", "a", code=None)
        self.vdet("ask", "asked.mp4", "Is there a red square?", "--output", "b", code=None)
        path = self.dir / "a" / "answer.json"
        self.assertEqual(path.read_bytes(), (self.dir / "b" / "answer.json").read_bytes())
        answer = json.loads(path.read_text())
        proof = self.prove(path, "asked.mp4")
        self.assertIn(("steps", None), self.lines(proof, "holds"))
        frames = [l["number"] for l in proof["lines"] if l["about"] == "frames"]
        self.assertEqual(frames, list(range(1, len(answer["cites"]) + 1)))
        for step in answer["steps"]:
            step["text"] += "."
        path.write_text(json.dumps(answer))
        self.assertEqual(self.lines(self.prove(path, "asked.mp4", code=1), "fails"), [("signature", None), ("steps", None)])

    def test_a_report(self):
        fake = self.engine()
        self.vdet("analyze", "w.mp4", "--engine", fake.url, "--chunk-duration", "6", "--chunk-frames", "4")
        report = self.dir / "w.vdet" / "report.json"
        before = json.loads(report.read_text())
        self.vdet("key", "sign", report, "--output", "bare.json")
        self.assertEqual(json.loads(report.read_text()), before)
        proof = self.prove("bare.json", "w.mp4", code=3)
        self.assertIn("nothing to compare it with", self.texts(proof, "unchecked"))
        self.assertEqual((proof["file"]["kind"], proof["file"]["videos"]), ("report", ["w.mp4"]))
        self.assertTrue(proof["file"]["text"] and proof["file"]["text"].startswith(before["summary"]["text"].split("\n")[0][:100]))
        self.vdet("key", "sign", report, "w.mp4")
        signed = json.loads(report.read_text())
        self.assertEqual({k: v for k, v in signed.items() if k not in ("signature", "identities")}, before)
        self.assertTrue(signed["identities"])
        for frame in signed["identities"]:
            self.assertEqual(frame["planes_sha256"], planes(self.video, frame["pts"]))
        proof = self.prove(report, "w.mp4")
        self.assertGreater(len([l for l in proof["lines"] if l["about"] == "frames"]), 0)
        # Other samples that look alike, as from another version of a decoder; and some that do not.
        first = signed["events"][0]["parts"][0]["frames"][0]["pts"]
        [frame] = [f for f in signed["identities"] if f["pts"] == first]
        frame["planes_sha256"] = "a" * 64
        report.write_text(json.dumps(signed))
        self.vdet("key", "sign", report)
        self.assertIn("looks alike, but has other samples (decoded as software, and here as software); its gray levels differ by "
                      "0.0 of 255", self.texts(self.prove(report, "w.mp4", code=3), "unchecked"))
        frame["gray"] = "00" * 144
        report.write_text(json.dumps(signed))
        self.vdet("key", "sign", report)
        self.assertRegex(self.texts(self.prove(report, "w.mp4", code=1), "fails"), "is another one: .* differ by [0-9]{2,}")
        signed = json.loads(report.read_text())
        signed["events"][0]["parts"][0]["what"] = "Something else."
        report.write_text(json.dumps(signed))
        self.assertIn(("signature", None), self.lines(self.prove(report, "w.mp4", code=1), "fails"))
        flow.make_video(self.dir / "other.mp4", 2)
        self.assertIn("another video", self.vdet("key", "sign", report, "other.mp4", code=2).stderr)


if __name__ == "__main__":
    flow.main()
