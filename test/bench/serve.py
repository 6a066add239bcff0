#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The server: latency of events to clients, uploads compared with nginx, idle sockets, requests per second.

serve.py [--only PART] [--clients 1,100,1000] [--megabytes 512] [--turns 3]. Client and server share the machine; the
client is in Python, and the time that it takes to read is part of every figure."""
import argparse
import os
import resource
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import time
import types
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "flow"))
import bench  # noqa: E402
from flow import FakeEngine, make_video  # noqa: E402
from serving import Server  # noqa: E402

EVENTS, REQUESTS, CONNECTIONS = 100, 5000, 16


def memory(pid):
    return next(int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
                if line.startswith("VmRSS:")) / 1024


def processor(pid):
    """CPU time in seconds of a process and its children until now, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") + sum(map(processor, children))


def latency(server, job, clients):
    """Milliseconds from the time in an event to its arrival, for each client and event."""
    selector, sockets, out = selectors.DefaultSelector(), [], []
    for _ in range(clients):
        w = server.socket()
        w.next()
        w.s.setblocking(False)
        selector.register(w.s, selectors.EVENT_READ)
        sockets.append(w)
    sender = socket.create_connection(("127.0.0.1", server.port))
    for n in range(EVENTS):
        body = b'{"priority":%d}' % (n % 50)
        sender.sendall(b"PATCH /api/v1/jobs/%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                       b"Content-Length: %d\r\n\r\n%s" % (job.encode(), len(body), body))
        waiting = {w.s for w in sockets}
        while waiting:
            for key, _ in selector.select(30):
                data, now = key.fileobj.recv(65536), time.time()
                at = data.rfind(b'"time":')
                if key.fileobj in waiting and at >= 0:
                    out.append((now - float(data[at + 7:data.index(b",", at)])) * 1000)
                    waiting.discard(key.fileobj)
        sender.recv(65536)
        time.sleep(0.02)
    sender.close()
    for w in sockets:
        w.close()
    return sorted(out)


def quantile(values, q):
    return values[min(len(values) - 1, int(q * len(values)))]


def send(port, head, path):
    """Seconds to send a file as a body and get the answer."""
    with socket.create_connection(("127.0.0.1", port)) as c, open(path, "rb") as f:
        began = time.monotonic()
        c.sendall(head.encode())
        c.sendfile(f)
        answer = c.recv(65536)
        if b" 20" not in answer.split(b"\r\n")[0]:
            sys.exit(answer.decode())
        return time.monotonic() - began


def upload(server, path, size):
    r = server.post("/api/v1/uploads", headers={"Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Content-Length": "0"})
    return send(server.port, f"PATCH {r.headers['Location']} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\n"
                f"Upload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: {size}\r\n\r\n", path)


def nginx(folder):
    """nginx that writes each body into a file; (process, port)."""
    with socket.socket() as a, socket.socket() as b:
        a.bind(("127.0.0.1", 0))
        b.bind(("127.0.0.1", 0))
        port, inner = a.getsockname()[1], b.getsockname()[1]
    temp = "".join(f"{k}_temp_path {folder}/{k};" for k in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log stderr; user root; events {{}}\nhttp {{ access_log off; {temp}\n"
        f"server {{ listen 127.0.0.1:{inner}; return 204; }}\n"
        f"server {{ listen 127.0.0.1:{port}; client_max_body_size 0; client_body_in_file_only clean;\n"
        f"location / {{ proxy_pass_request_body off; proxy_set_header Content-Length 0; proxy_pass http://127.0.0.1:{inner}; }} }} }}\n")
    p = subprocess.Popen([shutil.which("nginx", path="/usr/sbin:/usr/bin"), "-c", folder / "nginx.conf"], stderr=subprocess.DEVNULL)
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return p, port
        except ConnectionError:
            time.sleep(0.05)


def requests(server, job):
    """Requests per second over several connections, one at a time on each."""
    one = f"GET /api/v1/jobs/{job} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    selector, sent, done, began = selectors.DefaultSelector(), 0, 0, time.monotonic()
    for _ in range(CONNECTIONS):
        c = socket.create_connection(("127.0.0.1", server.port))
        c.sendall(one)
        sent += 1
        selector.register(c, selectors.EVENT_READ)
    while done < REQUESTS:
        for key, _ in selector.select(30):
            key.fileobj.recv(65536)
            done += 1
            if sent < REQUESTS:
                key.fileobj.sendall(one)
                sent += 1
    return REQUESTS / (time.monotonic() - began)


def idle_sockets(server):
    before = memory(server.process.pid)
    idle = [server.socket() for _ in range(1000)]
    for w in idle:
        w.next()
    print(f"1,000 idle sockets: {memory(server.process.pid) - before:.1f} MB more than the {before:.1f} MB without")
    for w in idle:
        w.close()


def latencies(server, job, clients):
    for n in clients:
        v = latency(server, job, n)
        print(f"{n} clients, {EVENTS} events: p50 {quantile(v, 0.5):.2f} ms, p99 {quantile(v, 0.99):.2f} ms, worst {v[-1]:.2f} ms")


def uploads(server, folder, megabytes, turns):
    path, size = folder / "body", megabytes << 20
    with open(path, "wb") as f:
        for _ in range(megabytes):
            f.write(os.urandom(1 << 20))
    peer, port = nginx(folder)
    ours, theirs, our_work, their_work = [], [], [], []

    def measure(out, work, pid, function, *args):
        before = processor(pid)
        out.append(function(*args))
        work.append(processor(pid) - before)
    for _ in range(turns):  # alternating, so that other load affects both equally
        measure(theirs, their_work, peer.pid, send, port,
                f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n", path)
        measure(ours, our_work, server.process.pid, upload, server, path, size)
        video = max(server.api("/videos")["videos"], key=lambda v: int(v["id"]))["id"]
        server.request("DELETE", f"/api/v1/videos/{video}")  # and it is not previewed during the next turn
    peer.terminate()
    peer.wait()
    a, b = statistics.median(ours), statistics.median(theirs)
    ratios = sorted(t / o for o, t in zip(ours, theirs))
    print(f"upload of {megabytes} MB: {megabytes / a:.0f} MB/s, nginx {megabytes / b:.0f} MB/s, ratio {b / a:.2f} "
          f"(turn by turn {ratios[0]:.2f} to {ratios[-1]:.2f}); processor {statistics.median(our_work):.2f} s, "
          f"nginx {statistics.median(their_work):.2f} s")


def two_running(server, folder, job):
    for n in (1, 2):
        make_video(folder / f"long{n}.mp4", 60 + n)
        server.post("/api/v1/jobs", {"path": str(folder / f"long{n}.mp4")})
    server.wait("/jobs", lambda j: sum(x["state"] == "running" for x in j["jobs"]) == 2)
    print(f"a job's JSON while two jobs run: {requests(server, job):.0f} requests/s over {CONNECTIONS} connections")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--clients", default="1,100,1000")
    p.add_argument("--megabytes", type=int, default=512)
    p.add_argument("--turns", type=int, default=3, help="uploads to each server")
    p.add_argument("--only", choices=("idle", "latency", "upload", "requests"))
    o = p.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    folder = bench.scratch()
    env = os.environ | {"XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config")}
    ends = []
    test = types.SimpleNamespace(dir=folder, env=env, addCleanup=lambda f, *a: ends.append((f, a)))
    engine = FakeEngine(folder, "--latency", "2", "--slots", "2")
    ends.append((engine.stop, ()))
    s = Server(test, "--engine", engine.url, "--chunk-duration", "1", "--chunk-frames", "1", "--net-rate", "0",
               "--net-per-address", "5000", "--folder", folder)
    if o.only in (None, "idle"):
        idle_sockets(s)
    make_video(folder / "still.mp4", 2)
    job = s.upload((folder / "still.mp4").read_bytes(), analyze="true").headers["Vdet-Job"]
    s.wait(f"/jobs/{job}", lambda j: j["state"] == "done")
    if o.only in (None, "latency"):
        latencies(s, job, map(int, o.clients.split(",")))
    if o.only in (None, "upload"):
        uploads(s, folder, o.megabytes, o.turns)
    if o.only in (None, "requests"):
        two_running(s, folder, job)
    for f, args in reversed(ends):
        f(*args)
    if "BENCH_DIR" not in os.environ:
        shutil.rmtree(folder)


main()
