#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Behind the proxies of docs/deploy, with read timeouts of 5 s and a body limit of 10 MB: a video comes in pieces, and its
job, which takes longer than any request may, is followed by WebSocket.

The job outlasts the read timeout four times, and that stands for one of minutes or hours: a proxy's clock begins anew
with each request and with each message of the socket, so none of them runs longer when the job does. What a second
timeout did not cut, the hundredth does not."""
import re
import shutil
import socket
import subprocess
import time

from flow import ROOT, TIMEOUT, make_video
from serving import Server, Serving

READ_TIMEOUT = 5
LATENCY = 4  # of the engine, for each of four chunks and the summary
DEPLOY = ROOT / "docs" / "deploy"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Deploy(Serving):
    def begin(self):
        self.answers = self.engine("--latency", str(LATENCY), "--slots", "1")
        self.server = self.serve("--engine", self.answers.url, "--chunk-duration", "1", "--chunk-frames", "2")
        self.port = free_port()

    def proxy(self, *command):
        p = subprocess.Popen(command, cwd=self.dir, env=self.env | {"HOME": str(self.dir)}, stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=open(self.dir / "proxy.err", "w"))
        self.addCleanup(lambda: (p.terminate(), p.wait()))
        end = time.monotonic() + TIMEOUT
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionError:
                if p.poll() is not None or time.monotonic() > end:
                    self.fail((self.dir / "proxy.err").read_text())

    def through(self):
        s = Server.__new__(Server)  # the same requests, at the proxy's address
        s.__dict__.update(self.server.__dict__, port=self.port)
        make_video(self.dir / "a.mp4", 4)
        data = (self.dir / "a.mp4").read_bytes()
        data += bytes(12_000_000 - len(data))  # more than the limit of one body
        r = s.post("/api/v1/uploads", headers={"Tus-Resumable": "1.0.0", "Upload-Length": str(20_000_000),
                                               "Content-Type": "application/offset+octet-stream"}, body=bytes(11_000_000))
        self.assertIn(r.status, (413, 502))  # the proxy's own word: the limit counts
        w = s.socket()
        self.assertEqual(w.next()["type"], "hello")
        began = time.monotonic()
        r = s.upload(data, piece=5_000_000, analyze="true")
        job = r.headers["Vdet-Job"]
        seen = w.until(lambda m: m["type"] == "job" and m["data"]["state"] in ("done", "holes", "failed"))
        self.assertEqual(seen[-1]["data"]["state"], "done", seen[-1])
        self.assertGreater(time.monotonic() - began, 3 * READ_TIMEOUT)  # one socket, all the while
        order = [m["seq"] for m in seen]
        self.assertEqual(order, sorted(set(order)))
        self.assertEqual(len([m for m in seen if m["type"] == "results"]), 4)
        self.assertEqual(s.api(f"/jobs/{job}")["state"], "done")
        part = s.get(f"/api/v1/videos/{r.headers['Vdet-Video']}/source", headers={"Range": "bytes=4-11"})
        self.assertEqual((part.status, part.body), (206, data[4:12]))

    def test_nginx(self):
        if not shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin"):
            self.skipTest("nginx is not here; tools/setup test brings it")
        self.begin()
        text = (DEPLOY / "nginx.conf").read_text().replace("127.0.0.1:8080", f"127.0.0.1:{self.server.port}")
        text = re.sub(r"\n\s*ssl_\w+ [^;]*;", "", text).replace("listen 443 ssl", f"listen 127.0.0.1:{self.port}")
        text = text.replace("client_max_body_size 100m", "client_max_body_size 10m")
        text = text.replace("proxy_read_timeout 60s;\n\tproxy_http_version", f"proxy_read_timeout {READ_TIMEOUT}s;\n\tproxy_http_version")
        self.assertIn(f"proxy_read_timeout {READ_TIMEOUT}s", text)
        temp = "".join(f"{k}_temp_path {self.dir}/{k};" for k in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.dir / "nginx.conf").write_text(f"daemon off; pid {self.dir}/nginx.pid; error_log stderr; events {{}}\n"
                                             f"http {{ access_log off; {temp}\n{text}}}\n")
        nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
        self.proxy(nginx, "-p", self.dir, "-c", self.dir / "nginx.conf", "-e", self.dir / "nginx.err")
        self.through()

    def test_caddy(self):
        if not shutil.which("caddy"):
            self.skipTest("caddy is not here; tools/setup test brings it")
        self.begin()
        text = (DEPLOY / "Caddyfile").read_text().replace("127.0.0.1:8080", f"127.0.0.1:{self.server.port}")
        text = text.replace("cases.example.org", f"http://127.0.0.1:{self.port}").replace("100MB", "10MB")
        text = text.replace("response_header_timeout 60s", f"response_header_timeout {READ_TIMEOUT}s")
        (self.dir / "Caddyfile").write_text("{\n\tadmin off\n}\n" + text)
        self.proxy("caddy", "run", "--config", self.dir / "Caddyfile", "--adapter", "caddyfile")
        self.through()

    def test_the_tunnel_and_the_unit_are_well_formed(self):
        text = (DEPLOY / "cloudflared.yml").read_text()
        keys = re.findall(r"^(\w[\w-]*):", text, re.M)
        self.assertEqual(keys, ["tunnel", "credentials-file", "ingress"])
        rules = re.findall(r"^  - (\w+): (.+)$", text, re.M)
        self.assertEqual(rules[-1], ("service", "http_status:404"))  # the last rule has to catch all
        unit = (DEPLOY / "vdet.service.in").read_text().replace("@bindir@", "/usr/bin")
        for line in unit.splitlines():
            self.assertRegex(line, r"^$|^#|^\[\w+\]$|^\w+=.*$")
        self.assertIn("Type=notify", unit)
        if shutil.which("systemd-analyze"):
            path = self.dir / "vdet.service"
            path.write_text(unit)
            r = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True)
            faults = [f for f in r.stderr.splitlines() if "vdet.service" in f and "not executable" not in f]
            self.assertFalse(faults)


if __name__ == "__main__":
    from flow import main
    main()
