#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Chat completions: what programs that speak OpenAI's API send and get; videos as data, by address and by name; limits,
hostile requests, what becomes of the videos."""
import base64
import http.client
import http.server
import json
import re
import signal
import socket
import threading
from pathlib import Path

from flow import TIMEOUT, main, make_video
from serving import Serving

PATH = "/v1/chat/completions"
QUESTION = "When do the pictures change?"


def data_uri(path):
    return "data:video/mp4;base64," + base64.b64encode(Path(path).read_bytes()).decode()


def part(url):
    return {"type": "video_url", "video_url": {"url": url}}


def messages(*videos, question=QUESTION):
    return [{"role": "user", "content": [{"type": "text", "text": question}, *map(part, videos)]}]


class Events:
    """A streamed completion, event by event; comments are left out."""

    def __init__(self, test, server, body, headers=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT)
        test.addCleanup(self.connection.close)
        self.connection.request("POST", PATH, json.dumps(body | {"stream": True}),
                                {"Content-Type": "application/json", **(headers or {})})
        self.response = self.connection.getresponse()
        test.assertEqual(self.response.status, 200, self.response.read() if self.response.status != 200 else None)

    def __iter__(self):
        for line in self.response:
            if line.startswith(b"data: ") and line != b"data: [DONE]\n":
                yield json.loads(line[6:])
            elif line == b"data: [DONE]\n":
                self.response.read()
                return

    def until(self, words):
        """Reads on until it says so."""
        for e in self:
            if words in json.dumps(e):
                return e
        raise AssertionError(f"the stream ended without {words}")


class Chats(Serving):
    def setUp(self):
        super().setUp()
        self.answers = self.engine()
        self.server = self.start_server()

    def start_server(self, *options):
        return self.serve("--engine", self.answers.url, "--folder", self.dir, "--retries", "0", "--net-rate", "0",
                          "--chunk-duration", "2", "--chunk-frames", "2", *options)

    def restart(self, *options):
        self.assertEqual(self.server.stop(), 0)
        self.server = self.start_server(*options)

    def film(self, name, seconds=4, **more):
        return make_video(self.dir / name, seconds, **more)

    def video(self, name, **more):
        """The id of an analyzed video."""
        self.film(name, **more)
        job = self.server.change("POST", "/jobs", {"path": str(self.dir / name)})
        self.server.wait(f"/jobs/{job['id']}", lambda j: j["state"] in ("done", "holes", "failed"))
        return job["video"]

    def complete(self, *videos, model="vdet", question=QUESTION, status=200, **more):
        body = {"model": model, "messages": messages(*videos, question=question)} | more
        r = self.server.post(PATH, body)
        self.assertEqual(r.status, status, r.body)
        return r.json

    def refused(self, status, words, *args, **kw):
        e = self.complete(*args, status=status, **kw)["error"]
        self.assertIn(words, e["message"])
        self.assertEqual(set(e), {"message", "type", "param", "code"})
        return e

    def videos(self):
        return self.server.api("/videos")["videos"]

    def left(self):
        """The files of requests that are not over."""
        return list((self.dir / "data" / "vdet" / "chat").iterdir())

    def hold(self):
        """The engine answers nothing from now on."""
        self.answers.control(faults=["hold@0+"], reset=True)

    def release(self):
        self.answers.control(faults=[], release=True)


class Chat(Chats):
    def check_message(self, message, answer, video):
        text = message["content"]
        self.assertTrue(text.startswith(answer["text"]), text)
        self.assertTrue(message["annotations"])
        for a in message["annotations"]:
            self.assertEqual(a["type"], "url_citation")
            c = a["url_citation"]
            n = int(re.fullmatch(r"\[(\d+)\]", text[c["start_index"]:c["end_index"]])[1])
            where = re.fullmatch(rf"http://127\.0\.0\.1:{self.server.port}/#/video/(\d+)\?t=([\d.]+)", c["url"])
            self.assertEqual(self.server.api(f"/jobs/{where[1]}")["video"], video)
            self.assertAlmostEqual(float(where[2]), answer["cites"][n - 1]["start"], places=3)

    def test_a_video_as_data(self):
        r = self.complete(data_uri(self.film("a.mp4")), temperature=0.2, max_tokens=5, tools=[])
        self.assertEqual((r["object"], r["model"], len(r["choices"])), ("chat.completion", "vdet", 1))
        choice, answer = r["choices"][0], r["vdet"]
        self.assertEqual((choice["finish_reason"], choice["message"]["role"]), ("stop", "assistant"))
        self.assertEqual((answer["format"], answer["state"], answer["question"]), ("vdet-answer/1", "answered", QUESTION))
        spent = answer["spent"]
        self.assertEqual(r["usage"], {"prompt_tokens": spent["prompt_tokens"], "completion_tokens": spent["output_tokens"],
                                      "total_tokens": spent["prompt_tokens"] + spent["output_tokens"]})
        [video] = self.videos()
        self.assertEqual((video["origin"], video["tags"], video["size"]), ("chat", ["chat"], (self.dir / "a.mp4").stat().st_size))
        self.check_message(choice["message"], answer, video["id"])
        self.assertEqual(self.left(), [])

        # The same request again: the same video, and an answer from the journal.
        asked = len(self.answers.lines("begin"))
        again = self.complete(data_uri(self.dir / "a.mp4"))
        self.assertEqual(again["vdet"], answer)
        self.assertEqual(len(self.answers.lines("begin")), asked)
        self.assertEqual(len(self.videos()), 1)

    def test_a_stream(self):
        body = {"model": "vdet", "messages": messages(data_uri(self.film("a.mp4"))), "stream_options": {"include_usage": True}}
        stream = Events(self, self.server, body, {"Authorization": "Bearer sk-anything"})
        self.assertTrue(stream.response.headers["Content-Type"].startswith("text/event-stream"))
        events = list(stream)
        self.assertEqual({(e["object"], e["id"], e["model"]) for e in events},
                         {("chat.completion.chunk", events[0]["id"], "vdet")})
        deltas = [e["choices"][0]["delta"] for e in events[:-1]]
        self.assertEqual(deltas[0], {"role": "assistant", "content": ""})
        progress = "".join(d.get("reasoning_content", "") for d in deltas)
        self.assertRegex(progress, r"The analysis of chat-|Analyzing chat-")
        text = "".join(d.get("content", "") for d in deltas)
        last = events[-2]
        self.assertEqual(last["choices"][0]["finish_reason"], "stop")
        self.check_message({"content": text, "annotations": deltas[-1]["annotations"]}, last["vdet"], self.videos()[0]["id"])
        self.assertEqual(events[-1]["choices"], [])
        self.assertEqual(events[-1]["usage"]["prompt_tokens"], last["vdet"]["spent"]["prompt_tokens"])

        # A client of HTTP/1.0 gets no chunks, and the end of the connection as the end.
        text = json.dumps(body | {"stream": True, "stream_options": None})
        got = self.server.raw(f"POST {PATH} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                              f"Content-Length: {len(text)}\r\n\r\n{text}".encode(), hang_up=False)
        head, _, rest = got.partition(b"\r\n\r\n")
        self.assertNotIn(b"ransfer-", head)
        self.assertIn(b"Connection: close", head)
        self.assertTrue(rest.startswith(b"data: {") and rest.endswith(b"\n\ndata: [DONE]\n\n"), rest)

    def test_videos_by_name(self):
        first, other = self.video("a.mp4"), self.film("b.mp4", source="smptebars")
        (self.dir / "more").mkdir()
        twin = self.video("more/a.mp4", source="testsrc")
        case = self.server.change("POST", "/cases", {"name": "both", "videos": [first, twin]})["id"]
        job = self.server.change("POST", "/jobs", {"path": str(other)})["id"]
        models = self.server.get("/v1/models").json
        self.assertEqual((models["object"], [m["id"] for m in models["data"]]),
                         ("list", ["vdet", f"vdet/video-{first}", f"vdet/video-{twin}", "vdet/b.mp4", f"vdet/case-{case}"]))
        self.assertEqual(self.server.get("/v1/models/vdet/b.mp4").json["id"], "vdet/b.mp4")
        self.assertEqual(self.server.get("/v1/models/gpt").json["error"]["code"], "model_not_found")

        r = self.complete(model=f"vdet/video-{twin}")
        self.assertEqual(len(r["vdet"]["sources"]), 1)
        self.assertEqual(len(self.complete(model=f"vdet/case-{case}")["vdet"]["sources"]), 2)
        e = self.refused(400, f"vdet/video-{first} (a.mp4), vdet/video-{twin} (a.mp4)", model="vdet/a.mp4")
        self.assertEqual(e["type"], "invalid_request_error")
        self.assertEqual(self.refused(404, "no video or case", model="vdet/c.mp4")["code"], "model_not_found")
        self.assertEqual(self.refused(404, "no model", model="gpt-9")["code"], "model_not_found")
        self.refused(400, "cannot be asked about together", data_uri(self.film("c.mp4", rate=5)), model=f"vdet/case-{case}")
        self.assertEqual(self.complete(model="vdet/b.mp4")["vdet"]["sources"][0]["name"], "b.mp4")
        self.assertIn(self.server.api(f"/jobs/{job}")["state"], ("done", "holes"))
        self.assertEqual(len(self.complete()["vdet"]["sources"]), 3)  # vdet alone: all that are analyzed

    def test_a_conversation(self):
        self.video("a.mp4")
        first = self.complete(model="vdet/a.mp4")
        said = first["choices"][0]["message"]["content"]
        r = self.server.post(PATH, {"model": "vdet/a.mp4", "messages": [
            {"role": "system", "content": "Be brief."}, *messages(), {"role": "assistant", "content": said},
            {"role": "user", "content": "And what happens after that?"}]})
        self.assertEqual(r.status, 200, r.body)
        self.assertEqual((r.json["vdet"]["question"], r.json["vdet"]["thread"]),
                         ("And what happens after that?", first["vdet"]["id"]))

    def test_whole_replies_do_not_wait_for_ever(self):
        self.video("a.mp4")
        self.restart("--chat-max-wait", "0")
        self.hold()
        r = self.complete(model="vdet/a.mp4")
        self.assertEqual(r["choices"][0]["finish_reason"], "length")
        self.assertIn("Still being worked on", r["choices"][0]["message"]["content"])
        ask = r["vdet"]["ask"]
        self.assertEqual(r["vdet"]["state"], "working")
        self.assertEqual(self.complete(model="vdet/a.mp4")["vdet"]["ask"], ask)  # not asked twice
        self.release()
        self.server.wait(f"/asks/{ask}", lambda a: a["state"] == "done")
        self.assertEqual(len(self.server.api("/asks")["asks"]), 1)
        self.restart()
        self.assertEqual(self.complete(model="vdet/a.mp4")["vdet"]["state"], "answered")

    def test_a_client_that_goes(self):
        self.video("a.mp4")
        self.hold()
        for stream in True, False:
            body = {"model": "vdet/a.mp4", "messages": messages(question=f"Is there a dog? {stream}"), "stream": stream}
            c = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=TIMEOUT)
            c.request("POST", PATH, json.dumps(body), {"Content-Type": "application/json"})
            reply = c.getresponse() if stream else None
            [ask] = self.server.wait("/asks", lambda a: [q for q in a["asks"] if q["state"] == "running"])["asks"][:1]
            if reply:  # which has the connection
                self.assertEqual(reply.status, 200)
                reply.close()
            c.close()
            self.server.wait(f"/asks/{ask['id']}", lambda a: a["state"] == "canceled")
        self.release()
        self.assertEqual(self.complete(model="vdet/a.mp4")["vdet"]["state"], "answered")

    def test_many_at_once(self):
        self.video("a.mp4")
        self.hold()
        body = {"model": "vdet/a.mp4", "messages": messages()}
        streams = [Events(self, self.server, body) for _ in range(16)]
        r = self.server.post(PATH, body)
        self.assertEqual((r.status, r.headers["Retry-After"]), (503, "10"), r.body)
        for s in streams:
            s.until("reasoning_content")  # of the question: the video is analyzed
        self.assertEqual(len(self.server.api("/asks")["asks"]), 1)  # one question, for which all of them wait
        streams[0].response.close()
        streams[0].connection.close()
        self.release()
        self.assertEqual({list(s)[-1]["vdet"]["state"] for s in streams[1:]}, {"answered"})

    def test_a_video_that_cannot_be_used(self):
        good = self.video("a.mp4")
        (self.dir / "noise.mp4").write_bytes(bytes(range(256)) * 40)
        job = self.server.change("POST", "/jobs", {"path": str(self.dir / "noise.mp4")})
        case = self.server.change("POST", "/cases", {"name": "x", "videos": [good, job["video"]]})["id"]
        answer = self.complete(model=f"vdet/case-{case}")["vdet"]
        self.assertEqual((answer["state"], answer["unread"]), ("answered", ["noise.mp4"]))
        self.refused(400, "cannot be used", model="vdet/noise.mp4")

    def test_the_server_stops(self):
        self.video("a.mp4")
        self.hold()
        stream = Events(self, self.server, {"model": "vdet/a.mp4", "messages": messages()})
        self.server.wait("/asks", lambda a: [q for q in a["asks"] if q["state"] == "running"])
        self.server.process.send_signal(signal.SIGTERM)
        self.assertIn("shutting down", stream.until('"error"')["error"]["message"])
        self.assertEqual(list(stream), [])
        self.release()
        self.assertEqual(self.server.process.wait(TIMEOUT), 0)
        self.server = self.start_server()  # which goes on with the question
        self.server.wait("/asks", lambda a: a["asks"][0]["state"] == "done")


class Access(Chats):
    def test_tokens(self):
        self.video("a.mp4")
        body = {"model": "vdet/a.mp4", "messages": messages()}
        self.assertEqual(self.server.post(PATH, body, token="sk-any").status, 200)
        self.assertEqual(self.server.get("/api/v1/jobs", token="sk-any").status, 401)  # only below /v1
        foreign = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
        self.assertEqual(self.server.post(PATH, body, headers=foreign).status, 403)

        tokens = {}
        for role in "view", "submit":
            made = self.vdet("token", "add", role, "--role", role)
            tokens[role] = re.search(r"vdet_\S+|[A-Za-z0-9_-]{40,}", made.stdout)[0]
        r = self.server.post(PATH, body, token="sk-any")
        self.assertEqual((r.status, r.json["error"]["type"]), (401, "authentication_error"))
        self.assertEqual(self.server.get("/v1/models").status, 401)
        self.assertEqual(self.server.get("/v1/models", token=tokens["view"]).status, 200)
        r = self.server.post(PATH, body, token=tokens["view"])
        self.assertEqual((r.status, r.json["error"]["type"]), (403, "permission_error"))
        self.assertEqual(self.server.post(PATH, body, token=tokens["submit"]).status, 200)
        self.assertEqual(self.server.api("/asks", token=tokens["submit"])["asks"][0]["by"], "submit")


class Hostile(Chats):
    def test_bad_bodies(self):
        post = self.server.post
        for body, status, words in [
                ("", 400, "JSON object"), ("[1]", 400, "not a JSON object"), ("{", 400, "JSON"), ('{"model": "ve', 400, "ends within"),
                ('{"model": "vdet", "model": "vdet"}', 400, "duplicate"), ("{}", 404, "no model"),
                ('{"model": "vdet", "messages": [{"role": "user", "content": [[[]]]}]}', 400, "part of type"),
                (json.dumps({"model": "vdet", "messages": messages("data:video/mp4;base64,AAAA*AAA")}), 400, "base64"),
                (json.dumps({"model": "vdet", "messages": messages("data:image/png;base64,AAAA")}), 400, "image/png"),
                (json.dumps({"model": "vdet", "messages": messages("data:video/mp4;base64,")}), 400, "empty"),
                (json.dumps({"model": "vdet", "messages": messages(*["data:video/mp4;base64,AAAA"] * 17)}), 413, "at most 16"),
                (json.dumps({"model": "vdet", "messages": messages("file:///etc/passwd")}), 400, "https://"),
                (json.dumps({"model": "vdet", "messages": messages(question="x" * 2001)}), 400, "2000 bytes"),
                (json.dumps({"model": "vdet", "messages": messages(question="x" * 2_000_000)}), 413, "larger than"),
                ("[" * 100_000, 400, "JSON")]:
            with self.subTest(body[:80]):
                r = post(PATH, body, headers={"Content-Type": "application/json"})
                self.assertEqual(r.status, status, r.body)
                self.assertIn(words, r.json["error"]["message"])
        self.assertEqual(post(PATH, "{}", headers={"Content-Type": "text/plain"}).status, 415)
        self.assertEqual(self.server.request("PUT", PATH).status, 405)
        self.assertIn("error", self.server.get("/v1/nothing").json)
        self.assertEqual((self.videos(), self.left()), ([], []))

    def test_what_is_no_video(self):
        noise = base64.b64encode(bytes(range(256)) * 40).decode()
        self.refused(400, "cannot be used", "data:video/mp4;base64," + noise)
        stream = Events(self, self.server, {"model": "vdet", "messages": messages("data:video/mp4;base64," + noise)})
        self.assertIn("cannot be used", stream.until('"error"')["error"]["message"])

    def test_large_videos(self):
        self.restart("--chat-upload-max", "100k")
        small = "data:video/mp4;base64," + "A" * 200
        for body in (json.dumps({"model": "vdet", "messages": messages("data:video/mp4;base64," + "A" * 200_000)}),
                     json.dumps({"model": "vdet", "messages": messages(*[f"data:video/mp4;base64,{'A' * 100_000}"] * 2)}),
                     json.dumps({"model": "vdet", "messages": messages(small), "x": "A" * 2_000_000})):
            pieces = [body[i:i + 50_000].encode() for i in range(0, len(body), 50_000)]
            for sent in body, iter(pieces):  # with its length, and in chunks
                c = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=TIMEOUT)
                try:
                    c.request("POST", PATH, sent, {"Content-Type": "application/json"})
                except ConnectionError:
                    pass  # the reply came before all was sent
                r = c.getresponse()
                self.assertEqual(r.status, 413)
                self.assertRegex(json.loads(r.read())["error"]["message"], "upload|larger than")
                c.close()
        self.assertEqual((self.videos(), self.left()), ([], []))

    def test_a_body_that_breaks_off(self):
        body = json.dumps({"model": "vdet", "messages": messages(data_uri(self.film("a.mp4", 12)))})
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=TIMEOUT) as s:
            s.sendall(f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                      f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n".encode())
            self.assertIn(b"100 Continue", s.recv(1000))
            s.sendall(body[:len(body) // 2].encode())
        # A request that comes after it is over: the file of the first one is gone by then, or with it.
        self.assertEqual(self.complete(data_uri(self.dir / "a.mp4"))["vdet"]["state"], "answered")
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(self.left(), [])


class Handler(http.server.BaseHTTPRequestHandler):
    """Gives the video of its server, or leads elsewhere."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.video)))
        self.end_headers()
        self.wfile.write(self.server.video)

    def log_message(self, *args):
        pass


class Addresses(Chats):
    def setUp(self):
        super().setUp()
        self.web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.web.video, self.web.asked = self.film("web.mp4").read_bytes(), []
        threading.Thread(target=self.web.serve_forever, daemon=True).start()
        self.addCleanup(self.web.server_close)
        self.addCleanup(self.web.shutdown)
        self.port = self.web.server_address[1]

    def test_private_addresses_are_refused(self):
        for host in "127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433", "[::ffff:127.0.0.1]", "169.254.169.254":
            with self.subTest(host):
                self.refused(400, "cannot be used", f"http://{host}:{self.port}/a.mp4")
        self.refused(400, "password", f"http://user:secret@127.0.0.1:{self.port}/a.mp4")
        self.assertEqual(self.web.asked, [])

    def test_a_video_by_its_address(self):
        self.restart("--serve-fetch-private")
        url = f"http://127.0.0.1:{self.port}/a.mp4"
        r = self.complete(url)
        self.assertEqual((r["vdet"]["state"], r["vdet"]["sources"][0]["name"]), ("answered", "a.mp4"))
        [video] = self.videos()
        self.assertEqual((video["origin"], video["tags"]), ("chat", ["chat"]))
        self.complete(url, question="Is there a dog?")
        self.assertEqual(self.web.asked, ["/a.mp4"])  # fetched once
        self.restart("--no-serve-fetch")
        self.refused(403, "serve.fetch", f"http://127.0.0.1:{self.port}/b.mp4")


class Keeping(Chats):
    def names(self):
        return sorted(v["sha256"][:6] for v in self.videos())

    def test_videos_go_unless_they_are_kept(self):
        for i, name in enumerate(("a.mp4", "b.mp4", "c.mp4", "d.mp4")):
            self.complete(data_uri(self.film(name, rate=5 + i)))
        a, b, c, d = [v["id"] for v in self.videos()]
        self.server.change("PATCH", f"/videos/{a}", {"tags": ["evidence"]})
        self.server.change("POST", "/cases", {"name": "x", "videos": [b]})
        self.server.upload((self.dir / "c.mp4").read_bytes(), "c.mp4", analyze="false")  # the same file
        self.server.wait("/videos", lambda v: v["videos"][2]["tags"] == [])
        self.restart("--chat-keep", "0")
        left = self.server.wait("/videos", lambda v: len(v["videos"]) == 3)["videos"]
        self.assertEqual([v["id"] for v in left], [a, b, c])
        self.assertFalse((self.dir / "data" / "vdet" / "videos" / d).exists())
        self.assertNotIn(d, [j["video"] for j in self.server.api("/jobs")["jobs"]])

    def test_their_number_is_bounded(self):
        self.restart("--chat-videos", "1")
        self.complete(data_uri(self.film("a.mp4")))
        self.complete(data_uri(self.film("b.mp4", rate=5)))
        self.assertEqual([v["id"] for v in self.videos()], ["2"])
        self.refused(507, "chat.videos", data_uri(self.film("c.mp4", rate=6)), data_uri(self.film("d.mp4", rate=7)))
        self.restart("--chat-bytes", "1k")
        self.refused(507, "chat.bytes", data_uri(self.dir / "a.mp4"))


class RealEngine(Serving):
    def test_the_demo_model_sees(self):
        self.needs_engine()
        self.vdet("world", "w.mp4", "--duration", "60", "--seed", "3", "--events", "200")
        truth = json.loads((self.dir / "w.truth.json").read_text())
        server = self.serve("--chunk-duration", "15")
        things = {f"{e['who']['color']} {e['who']['shape']}" for e in truth["events"]}
        self.assertTrue(things)
        body = {"model": "vdet", "stream": True,
                "messages": messages(data_uri(self.dir / "w.mp4"), question=f"When does a {sorted(things)[0]} appear?")}
        events = list(Events(self, server, body))
        answer = events[-1]["vdet"]
        self.assertIn(answer["state"], ("answered", "partly", "not-found", "not-seen"))
        self.assertTrue(any("content" in e["choices"][0]["delta"] for e in events))


if __name__ == "__main__":
    main()
