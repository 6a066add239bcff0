# SPDX-License-Identifier: Apache-2.0
"""Hosts in one process: network namespaces on a bridge of their own. They are held open by this process alone, and end with
it. Loss is made by nftables, as not every kernel has netem; delay by a relay."""
import ctypes
import os
import queue
import shutil
import socket
import subprocess
import threading
import time

NEWNET = 0x40000000  # CLONE_NEWNET
PREFIX = "10.91.0"
LIBC = ctypes.CDLL(None, use_errno=True)


def _enter(fd):
    if LIBC.setns(fd, NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _own():
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _fresh():
    """A new network namespace, without staying in it."""
    own = _own()
    try:
        if LIBC.unshare(NEWNET):
            raise OSError(ctypes.get_errno(), "unshare")
        fd = _own()
        _enter(own)
        return fd
    finally:
        os.close(own)


def _run(*command, text=None):
    subprocess.run(command, check=True, input=text, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


class Host:
    """`with host:` the calling thread, and what it starts, is on this host."""

    def __init__(self, name, address, fd):
        self.name, self.address, self.fd = name, address, fd
        self.before = []

    def __enter__(self):
        if self.fd is not None:
            self.before.append(_own())
            _enter(self.fd)
        return self

    def __exit__(self, *_):
        if self.fd is not None:
            _enter(self.before[-1])
            os.close(self.before.pop())

    def _rules(self, receive="", send=""):
        rules = [f"add rule inet harm {chain} iifname != \"lo\" {rule}" if chain == "input" else
                 f"add rule inet harm {chain} oifname != \"lo\" {rule}"
                 for chain, rule in (("input", receive), ("output", send)) if rule]
        with self:
            _run("nft", "-f", "-", text="\n".join([
                "add table inet harm", "flush table inet harm",
                "add chain inet harm input { type filter hook input priority 0; }",
                "add chain inet harm output { type filter hook output priority 0; }", *rules, ""]))

    def cut(self):
        self._rules("drop", "drop")

    def deaf(self):
        """Sends, and receives nothing."""
        self._rules("drop")

    def mute(self):
        self._rules("", "drop")

    def lossy(self):
        """1 % of the packets are lost, each way."""
        self._rules("numgen random mod 100 < 1 drop", "numgen random mod 100 < 1 drop")

    def heal(self):
        if self.fd is not None:
            self._rules()

    def free_port(self):
        with self, socket.socket() as s:
            s.bind((self.address, 0))
            return s.getsockname()[1]


class Hosts:
    """`why` says why they are all one host, without a network that can be harmed; None if they are not."""

    def __init__(self, names):
        self.fds, self.why = [], self._missing()
        self.hosts = {name: Host(name, "127.0.0.1", None) for name in names}
        if self.why:
            return
        try:
            self._build(names)
        except (OSError, subprocess.CalledProcessError) as e:
            self.why = f"{e} {getattr(e, 'stderr', None) or ''}".strip()
            self.hosts = {name: Host(name, "127.0.0.1", None) for name in names}

    @staticmethod
    def _missing():
        missing = [p for p in ("ip", "nft") if not shutil.which(p)]
        return f"{' and '.join(missing)} are not here (packages iproute2, nftables)" if missing else None

    def _build(self, names):
        switch = Host("switch", "", self._keep(_fresh()))
        with switch:
            _run("ip", "link", "add", "bridge", "type", "bridge")
            _run("ip", "link", "set", "bridge", "up")
        for i, name in enumerate(names):
            host = Host(name, f"{PREFIX}.{i + 1}", self._keep(_fresh()))
            with switch:
                _run("ip", "link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns",
                     f"/proc/{os.getpid()}/fd/{host.fd}")
                _run("ip", "link", "set", f"to-{name}", "master", "bridge", "up")
            with host:
                _run("ip", "address", "add", f"{host.address}/24", "dev", "eth0")
                for device in ("lo", "eth0"):
                    _run("ip", "link", "set", device, "up")
            host.heal()
            self.hosts[name] = host

    def _keep(self, fd):
        self.fds.append(fd)
        return fd

    def __getitem__(self, name):
        return self.hosts[name]

    def heal(self):
        for host in self.hosts.values():
            host.heal()

    def close(self):
        for fd in self.fds:
            os.close(fd)


class Relay:
    """Passes TCP connections on, each way `delay` seconds later. It listens on its host, and connects from there."""

    def __init__(self, host, to, delay):
        self.to, self.delay = to, delay
        with host:  # its threads are on that host, too
            self.server = socket.create_server((host.address, 0))
            threading.Thread(target=self._serve, daemon=True).start()
        self.address = self.server.getsockname()

    def _serve(self):
        while True:
            try:
                near = self.server.accept()[0]
            except OSError:
                return
            try:
                far = socket.create_connection(self.to, 5)
                far.settimeout(None)
            except OSError:
                near.close()
                continue
            self._pass(near, far)
            self._pass(far, near)

    def _pass(self, a, b):
        waiting = queue.Queue()

        def read():
            data = b"?"
            while data:
                try:
                    data = a.recv(65536)
                except OSError:
                    data = b""
                waiting.put((time.monotonic() + self.delay, data))

        def write():
            while True:
                at, data = waiting.get()
                time.sleep(max(0, at - time.monotonic()))
                try:
                    if not data:
                        raise OSError
                    b.sendall(data)
                except OSError:
                    for s in (a, b):
                        try:
                            s.shutdown(socket.SHUT_RDWR)
                        except OSError:
                            pass
                    return
        for f in (read, write):
            threading.Thread(target=f, daemon=True).start()

    def stop(self):
        self.server.close()
