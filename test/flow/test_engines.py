#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What engines really send: dialects of known ones, answers in other forms than asked for, what is not an answer."""
import json
import subprocess
import sys

import flow

CHUNKS = 3


class Engines(flow.Flow):
    def setUp(self):
        super().setUp()
        flow.make_video(self.dir / "a.mp4", CHUNKS)

    def analyze(self, *options, url, code=0, **kw):
        engine = ("--engine", url) if url else ()
        return self.vdet("analyze", "a.mp4", *engine, "--chunk-duration", "1", "--chunk-frames", "4",
                         "--frame-size", "96", "--format", "json", "--fresh", "--slots", "1", "--retries", "0",
                         *options, code=code, **kw)

    def all_done(self):
        report = self.report("a")
        self.assertEqual([c["state"] for c in report["chunks"]], ["done"] * CHUNKS)
        for c in report["chunks"]:
            self.assertTrue(c["summary"].startswith("summary of "), c["summary"])
            self.assertNotIn("<", c["summary"])
        return report

    def frames(self, report):
        """Which samples each event names."""
        return [[f["sample"] for f in p["frames"]] for e in report["events"] for p in e["parts"]]

    def ends(self, engine):
        """How requests ended, in the order in which they came."""
        return sorted(engine.lines("end"), key=lambda line: line["n"])

    def test_dialects(self):
        """What an engine refuses is learned by the first request, and left out of all others."""
        for dialect, refusals in {"openai": 2, "anthropic": 0, "gemini": 1, "mistral": 2, "deepseek": 1, "gemma": 1,
                                  "vllm": 1, "ollama": 0, "lmstudio": 0}.items():
            with self.subTest(dialect):
                e = self.engine("--kind", "plain", "--dialect", dialect)
                self.analyze(url=e.url)
                report = self.all_done()
                outcomes = [line["outcome"] for line in self.ends(e)]
                self.assertEqual(outcomes.count("refused"), refusals)
                self.assertEqual(outcomes[:refusals], ["refused"] * refusals)
                if dialect == "deepseek":  # without a schema the fake engine writes prose
                    self.assertIn("not valid JSON", report["summary"]["fallback_reason"])
                else:
                    self.assertTrue(report["summary"]["text"].startswith("text of the list"), report["summary"])
                e.stop()

    def refusals(self, engine, *options):
        """Analyzes, and counts what was refused."""
        before = len(engine.lines("end"))
        self.analyze(*options, url=engine.url)
        self.all_done()
        return [line["outcome"] for line in engine.lines("end")[before:]].count("refused")

    def test_what_was_learned_is_kept(self):
        """A later run begins with it; it belongs to an address, a model and a version of the server."""
        e = self.engine("--kind", "plain", "--dialect", "openai")
        self.assertEqual([self.refusals(e), self.refusals(e)], [2, 0])
        self.assertEqual(self.refusals(e, "--model", "another"), 2)
        kept = self.dir / "data" / "vdet" / "endpoints.json"
        self.assertEqual(sorted(json.loads(kept.read_text())["endpoints"]), [f"{e.url} another", f"{e.url} fake-model"])
        self.assertEqual(kept.stat().st_mode & 0o777, 0o600)
        self.assertIn("2 entries", self.vdet("engine", "forget", e.url + "/").stdout)
        self.assertIn("nothing is kept", self.vdet("engine", "forget").stdout)
        self.assertEqual([self.refusals(e), self.refusals(e)], [2, 0])
        kept.write_text("{broken")
        self.assertEqual([self.refusals(e), self.refusals(e)], [2, 0])
        for learned in (2**63 - 1, -2**63, 0):  # a wrong clock, damage, long ago
            text = json.loads(kept.read_text())
            text["endpoints"][f"{e.url} fake-model"]["learned"] = learned
            kept.write_text(json.dumps(text))
            self.assertEqual(self.refusals(e), 2, learned)

    def test_what_was_learned_is_learned_again(self):
        """After an update of the server at the same address, and by the test of an engine."""
        e = self.engine("--kind", "vllm", "--dialect", "openai")
        self.assertEqual([self.refusals(e), self.refusals(e)], [2, 0])
        port = e.url.split(":")[2].split("/")[0]
        e.stop()
        e = self.engine("--kind", "vllm", "--dialect", "mistral", "--version", "2", "--port", port)
        self.assertEqual([self.refusals(e), self.refusals(e)], [2, 0])
        before = len(e.lines("end"))
        self.vdet("engine", "test", e.url, code=None)
        self.assertIn("refused", [line["outcome"] for line in e.lines("end")[before:]])
        self.assertEqual(self.refusals(e), 0)

    def parameters(self, engine, *options):
        """What the first request of an analysis held beside messages and response_format."""
        before = len(engine.lines("begin"))
        self.analyze(*options, url=engine.url)
        self.all_done()
        return engine.lines("begin")[before]["parameters"]

    def test_known_models_are_asked_as_their_makers_recommend(self):
        """By the name that an endpoint reports; options come first, and what is refused is left out."""
        e = self.engine("--kind", "vllm", "--model", "Qwen/Qwen3.5-9B")
        sent = self.parameters(e)
        self.assertEqual([sent.get(k) for k in ("temperature", "top_p", "top_k", "min_p", "seed")], [0.7, 0.8, 20, 0, 0])
        self.assertEqual(sent["chat_template_kwargs"], {"enable_thinking": False})
        self.assertNotIn("presence_penalty", sent)
        sent = self.parameters(e, "--sampling", "greedy", "--reasoning", "on")
        self.assertEqual(sent["temperature"], 0)
        for name in ("top_p", "top_k", "min_p", "chat_template_kwargs", "reasoning_effort"):
            self.assertNotIn(name, sent)
        sent = self.parameters(e, "--temperature", "0.2", "--top-p", "0.5")
        self.assertEqual([sent["temperature"], sent["top_p"], sent["top_k"]], [0.2, 0.5, 20])

    def test_models_that_are_not_known_are_asked_as_before(self):
        e = self.engine("--kind", "vllm", "--model", "some-vl-model")
        sent = self.parameters(e)
        self.assertEqual(sent["temperature"], 0)
        for name in ("top_p", "top_k", "min_p", "chat_template_kwargs", "reasoning_effort"):
            self.assertNotIn(name, sent)
        self.assertEqual(self.parameters(e, "--reasoning", "off")["chat_template_kwargs"], {"enable_thinking": False})

    def test_what_only_open_engines_know_is_left_out_elsewhere(self):
        """A known model behind a service that takes OpenAI's parameters alone: refused once each, then left out."""
        for dialect, refusals in {"openai": 4, "gemini": 3, "mistral": 4}.items():
            with self.subTest(dialect):
                e = self.engine("--kind", "plain", "--dialect", dialect, "--model", "Qwen/Qwen3.5-9B")
                self.assertEqual([self.refusals(e), self.refusals(e)], [refusals, 0])
                sent = e.lines("begin")[-1]["parameters"]
                self.assertFalse({"top_k", "min_p", "chat_template_kwargs"} & set(sent), sent)
                e.stop()

    def test_reasoning_is_turned_off_as_the_engine_understands_it(self):
        e = self.engine("--kind", "ollama", "--model", "gemma4:31b")
        sent = self.parameters(e)
        self.assertEqual([sent["reasoning_effort"], sent["temperature"], sent["top_k"]], ["none", 1, 64])
        self.assertNotIn("chat_template_kwargs", sent)

    def test_a_family_of_ones_own(self):
        own = self.dir / "own.json"
        family = {"name": "mine", "match": ["my-model"], "reasoning": "enable_thinking", "temperature": 0.4}
        own.write_text(json.dumps({"version": 1, "models": [], "families": [family]}))
        e = self.engine("--kind", "vllm", "--model", "my-model-7b")
        sent = self.parameters(e, "--model-catalogue", own)
        self.assertEqual([sent["temperature"], sent["chat_template_kwargs"]], [0.4, {"enable_thinking": False}])
        own.write_text(json.dumps({"version": 1, "models": [], "families": [family | {"match": []}]}))
        self.assertIn("own.json: family mine", self.analyze("--model-catalogue", own, url=e.url, code=1).stderr)

    def test_pictures_are_never_side_by_side(self):
        """Two that follow each other without text in between become one in newer versions of llama.cpp."""
        e = self.engine("--kind", "plain")
        self.analyze(url=e.url)
        for line in e.lines("begin"):
            for one, next_ in zip(line["kinds"], line["kinds"][1:]):
                self.assertNotEqual((one, next_), ("image_url", "image_url"))

    def test_a_server_of_our_own_gets_what_its_model_needs(self):
        """The fewest tokens of a picture when it starts, and sampling in requests, by the name of the file."""
        models = self.dir / "data" / "vdet" / "models"
        models.mkdir(parents=True)
        for name in ("Qwen3.5-9B-Q4_K_M.gguf", "Other-7B-Q4_K_M.gguf"):
            folder = models / name.split("-Q4")[0]
            folder.mkdir()
            (folder / name).write_bytes((flow.ROOT / "model" / "weights" / "demo.gguf").read_bytes())
            (folder / f"mmproj-{name}").write_bytes((flow.ROOT / "model" / "weights" / "mmproj-demo.gguf").read_bytes())
        started, record = self.dir / "started", self.dir / "record"
        server = self.dir / "server"
        server.write_text(f"""#!{sys.executable}
import os, sys
open({str(started)!r}, "a").write(os.environ.get("LLAMA_ARG_IMAGE_MIN_TOKENS", "none") + "\\n")
socket = sys.argv[sys.argv.index("--host") + 1]
os.execv({sys.executable!r}, [{sys.executable!r}, {str(flow.HERE / "fake_engine.py")!r}, "--unix", socket, "--record",
                              {str(record)!r}, "--model", sys.argv[sys.argv.index("-a") + 1]])
""")
        server.chmod(0o755)
        ran = []
        for options in (("--model", "Qwen3.5-9B"), ("--model", "Qwen3.5-9B", "--image-min-tokens", "300"),
                        ("--model", "Qwen3.5-9B", "--image-min-tokens", "0"), ("--model", "Other-7B")):
            record.write_text("")
            self.analyze("--engine-server", server, *options, url="auto")
            self.all_done()
            ran.append(json.loads(record.read_text().splitlines()[0])["parameters"])
        self.assertEqual(started.read_text().split(), ["1024", "300", "none", "none"])
        self.assertEqual([r["temperature"] for r in ran], [0.7, 0.7, 0.7, 0])
        self.assertEqual([r.get("chat_template_kwargs") for r in ran], [{"enable_thinking": False}] * 3 + [None])

    def test_what_does_not_help_is_not_learned(self):
        """An endpoint that names all parameters in each refusal was not asked in a wrong form."""
        e = self.engine("--kind", "plain")
        e.control(faults=["blames@1-9"])
        self.analyze(url=e.url, code=3)
        # Whichever chunk is asked about first.
        self.assertEqual(sorted(c["state"] for c in self.report("a")["chunks"]), ["done", "done", "hole"])
        first, *refused = e.lines("begin")[:9]
        self.assertIsNone(refused[-1]["max_tokens"])
        self.assertEqual(e.lines("begin")[9]["max_tokens"], first["max_tokens"])
        self.assertFalse((self.dir / "data" / "vdet" / "endpoints.json").exists())

    def test_connections_that_stay_open(self):
        """An answer or an error that is there is taken, whether its connection ends or not."""
        e = self.engine("--kind", "plain")
        e.control(faults=["open"])
        self.analyze(url=e.url)
        self.all_done()
        e.control(faults=["flood=403"])
        self.assertIn("(HTTP 403): the model is gone", self.analyze(url=e.url, code=1).stderr)

    def test_pictures_are_split_over_requests(self):
        """An engine that takes two pictures a request is shown all of them, two at a time."""
        e = self.engine("--kind", "plain", "--dialect", "vllm")
        self.analyze(url=e.url)
        report = self.all_done()
        answered = [line["images"] for line in self.ends(e) if line["outcome"] == "answered" and line["images"]]
        self.assertEqual([len(i) for i in answered], [2] * 2 * CHUNKS)
        self.assertEqual(len({i for images in answered for i in images}), 4 * CHUNKS)
        self.assertEqual(self.frames(report), [[0, 1], [2, 3]] * CHUNKS)

    def test_forms_of_answers(self):
        e = self.engine("--kind", "plain")
        for fault in ("answer=fence-line", "answer=prose-fence", "answer=prose", "answer=wrapped", "answer=strings",
                      "answer=floats", "answer=one", "answer=range", "answer=no-events", "answer=null-events", "think",
                      "thought", "fence", "gzip", "bom", "split", "typed=application/json", "typed=text/plain",
                      "typed=application/octet-stream"):
            with self.subTest(fault):
                e.control(faults=[f"{fault}@1-{CHUNKS}"], reset=True)
                before = len(e.lines("begin"))
                self.analyze(url=e.url)
                report = self.all_done()
                shown = [r for r in e.lines("begin")[before:] if r["images"]]
                self.assertEqual(len(shown), CHUNKS, "an answer was asked for again")
                if fault == "answer=range":
                    self.assertEqual(self.frames(report), [[0, 1, 2, 3]] * CHUNKS)
                if fault == "split":
                    self.assertIn("\U0001f697\ufffd.", json.dumps(report, ensure_ascii=False))

    def test_the_reason_is_named_where_there_is_not_an_answer(self):
        e = self.engine("--kind", "plain")
        for fault, words in {"refuse": "refused to answer: I can't help with that.", "tool": "called a tool (json)",
                             "reasoned": "on reasoning: raise --max-tokens", "empty": "it is empty",
                             "length": "cut off at its longest allowed length"}.items():
            with self.subTest(fault):
                e.control(faults=[fault])
                self.assertIn(words, self.analyze(url=e.url, code=1).stderr)

    def test_summaries(self):
        """What models put around a summary is taken off; one that is cut off is not used."""
        e = self.engine("--kind", "plain")
        for fault, check in {"think": lambda s: s["text"].startswith("text of the list"),
                             "length": lambda s: s["by"] == "timeline" and "cut off" in s["fallback_reason"],
                             "reasoned": lambda s: s["by"] == "timeline" and "reasoning" in s["fallback_reason"],
                             "refuse": lambda s: s["by"] == "timeline" and "refused" in s["fallback_reason"]}.items():
            with self.subTest(fault):
                e.control(faults=[f"{fault}@{CHUNKS + 1}+"], reset=True)
                self.analyze(url=e.url)
                self.assertTrue(check(self.report("a")["summary"]), self.report("a")["summary"])

    def test_a_name_does_not_control_the_terminal(self):
        name = "a\x1b[31m\u202e\nb"
        (self.dir / "a.mp4").rename(self.dir / f"{name}.mp4")
        r = self.vdet("analyze", f"{name}.mp4", "--engine", self.engine("--kind", "plain").url)
        self.assertTrue((self.dir / f"{name}.vdet" / "report.json").exists())
        self.assertFalse(set("\x1b\u202e") & set(r.stdout + r.stderr), r.stdout)

    def test_the_address_of_requests(self):
        e = self.engine("--kind", "plain")
        self.analyze(url=e.url + "/chat/completions")
        self.all_done()

    def test_an_address_without_version(self):
        e = self.engine("--kind", "plain")
        root = e.url.removesuffix("/v1")
        self.analyze(url=root + "/")
        self.all_done()
        self.assertIn(f"use {root}/openai/v1", self.vdet("engine", "test", root + "/openai", code=None).stdout)

    def test_private_certificates(self):
        certificate, key = self.dir / "c.pem", self.dir / "k.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2",
                        "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate], check=True,
                       capture_output=True)
        e = self.engine("--kind", "plain", "--tls", str(certificate), str(key))
        url = e.url.replace("http://127.0.0.1", "https://localhost")
        for name in ("CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
            self.env.pop(name, None)
        self.assertIn("engine.ca_file", self.analyze(url=url, code=1).stderr)
        self.analyze("--ca-file", certificate, url=url)
        self.analyze("--endpoint", f"a={url},ca-file={certificate}", url=None)  # of one endpoint
        self.analyze("--ca-file", key, "--endpoint", f"a={url},ca-file={certificate}", url=None)
        for name in ("CURL_CA_BUNDLE", "SSL_CERT_FILE"):
            self.analyze(url=url, env={name: str(certificate)})
        self.all_done()

    def test_no_proxy_for_this_machine(self):
        """By its address, whatever form that has, not by what a name looks like; and what the user excepts stays so."""
        e = self.engine("--kind", "plain")
        dead = {name: "http://127.0.0.1:9" for name in ("http_proxy", "all_proxy")}
        for host in ("127.0.0.1", "localhost", "LOCALHOST"):
            self.analyze(url=e.url.replace("127.0.0.1", host), env=dead)
        self.assertIn("cannot reach", self.analyze(url=e.url.replace("127.0.0.1", "127.0.0.1.localhost.example"), code=1,
                                                   env=dead).stderr)

    def test_what_refuses_everything_is_not_tested_further(self):
        e = self.engine("--kind", "plain", "--fault", "403")
        r = self.vdet("engine", "test", e.url, code=1)
        lines = r.stdout.splitlines()
        self.assertEqual([line.split()[0] for line in lines], ["FAULT"] + ["-"] * (len(lines) - 1))
        self.assertIn("refused the request (HTTP 403)", lines[0])  # no key was sent
        self.assertTrue(all(line.endswith("not tested") for line in lines[1:]), r.stdout)
        self.assertEqual(len(e.lines("begin")), 1)
        r = self.vdet("engine", "test", e.url, "--engine-key", "secret", code=1)
        self.assertIn("refused the key or this request (HTTP 403)", r.stdout)

    def test_the_test_of_an_engine_tells(self):
        e = self.engine("--kind", "plain", "--dialect", "openai")
        r = self.vdet("engine", "test", "--engine", e.url, code=None)
        self.assertIn("max_completion_tokens for max_tokens, no temperature", r.stdout)


if __name__ == "__main__":
    flow.main()
