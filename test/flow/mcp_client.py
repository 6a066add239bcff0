# SPDX-License-Identifier: Apache-2.0
"""A client of `vdet mcp` that is as small as can be, for both eras of the protocol."""
import json
import subprocess

from flow import TIMEOUT, VDET

MODERN = "2026-07-28"
KEY = "io.modelcontextprotocol/"


def meta(version=MODERN, **more):
    return {KEY + "protocolVersion": version, KEY + "clientCapabilities": {}, KEY + "clientInfo": {"name": "test", "version": "1"}, **more}


class Failed(Exception):
    """A response that is an error."""

    def __init__(self, error):
        super().__init__(error["message"])
        self.code, self.data = error["code"], error.get("data")


class Client:
    """`modern`: each request by itself; else the revision to begin with."""

    def __init__(self, test, *options, modern=True, version="2025-11-25", env=None):
        self.test, self.modern, self.number, self.others = test, modern, 0, []
        self.errors = open(test.dir / f"mcp-{id(self)}.err", "w+")
        self.process = subprocess.Popen([VDET, "mcp", *map(str, options)], cwd=test.dir, env=test.env | (env or {}),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors)
        test.addCleanup(self.close)
        if not modern:
            self.hello = self.ask("initialize", protocolVersion=version, capabilities={}, clientInfo={"name": "test", "version": "1"})
            self.notify("notifications/initialized")

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        log = self.log()
        for f in (self.process.stdin, self.process.stdout, self.errors):
            try:
                f.close()
            except BrokenPipeError:
                pass
        self.test.no_faults(log)

    def end(self):
        """Ends as a client should; the exit code."""
        self.process.stdin.close()
        return self.process.wait(TIMEOUT)

    def log(self):
        self.errors.seek(0)
        return self.errors.read()

    def raw(self, data):
        self.process.stdin.write(data if isinstance(data, bytes) else data.encode())
        self.process.stdin.flush()

    def send(self, message):
        self.raw(json.dumps({"jsonrpc": "2.0", **message}) + "\n")

    def notify(self, method, **params):
        self.send({"method": method, "params": params})

    def begin(self, method, _token=None, **params):
        """Sends a request; its id."""
        self.number += 1
        extra = {"progressToken": _token} if _token is not None else {}
        if self.modern:
            params["_meta"] = meta(**extra)
        elif extra:
            params["_meta"] = extra
        self.send({"id": self.number, "method": method, "params": params})
        return self.number

    def read(self):
        """The next message."""
        line = self.process.stdout.readline()
        if not line:
            raise EOFError(f"vdet mcp ended: {self.process.wait()}\n{self.log()}")
        assert line.endswith(b"\n"), line
        return json.loads(line)

    def answer(self, number):
        """The response to a request; what comes before it is in .others."""
        while (m := self.read()).get("id") != number:
            self.others.append(m)
        if "error" in m:
            raise Failed(m["error"])
        return m["result"]

    def ask(self, method, _token=None, **params):
        return self.answer(self.begin(method, _token, **params))

    def call(self, name, _token=None, **arguments):
        """The structured result of a tool."""
        r = self.ask("tools/call", _token, name=name, arguments=arguments)
        if r["isError"]:
            raise Failed({"code": 0, "message": r["content"][0]["text"]})
        assert json.loads(r["content"][0]["text"]) == r["structuredContent"]
        self.content = r["content"][1:]
        return r["structuredContent"]



class HttpClient:
    """The same by HTTP: each request by itself, unless a revision with `initialize` is named."""

    def __init__(self, server, token=None, version=None):
        self.server, self.token, self.version, self.number = server, token, version, 0

    def post(self, message, headers=None, accept="application/json, text/event-stream"):
        return self.server.post("/mcp", message, headers={"Accept": accept, "Content-Type": "application/json", **(headers or {})},
                                token=self.token)

    def headers(self, message):
        """Those that repeat the message."""
        if self.version:
            return {"MCP-Protocol-Version": self.version}
        params = message.get("params", {})
        name = params.get("uri") if message["method"] == "resources/read" else params.get("name")
        return {"MCP-Protocol-Version": MODERN, "Mcp-Method": message["method"]} | ({"Mcp-Name": name} if name else {})

    def message(self, method, _token=None, **params):
        self.number += 1
        extra = {"progressToken": _token} if _token is not None else {}
        if not self.version:
            params["_meta"] = meta(**extra)
        return {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}

    def send(self, method, _token=None, _headers=None, **params):
        m = self.message(method, _token, **params)
        return self.post(m, self.headers(m) | (_headers or {}))

    def ask(self, method, _token=None, **params):
        r = self.send(method, _token, **params)
        self.events = [json.loads(line[6:]) for line in r.body.decode().split("\n\n") if line.startswith("data: ")]
        answer = self.events[-1] if self.events else r.json
        assert answer["id"] == self.number, answer
        if "error" in answer:
            raise Failed(answer["error"])
        assert r.status == 200, r.status
        return answer["result"]

    def call(self, name, _token=None, **arguments):
        r = self.ask("tools/call", _token, name=name, arguments=arguments)
        if r["isError"]:
            raise Failed({"code": 0, "message": r["content"][0]["text"]})
        return r["structuredContent"]
