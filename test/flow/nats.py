# SPDX-License-Identifier: Apache-2.0
"""A real nats-server with JetStream on a free port, as a child of a test. NATS_SERVER names the program."""
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import flow


def program():
    """The nats-server that NATS_SERVER names, that of PATH, or where tools/setup has unpacked it; else None."""
    places = (os.environ.get("NATS_SERVER"), shutil.which("nats-server"), str(Path(flow.runtime()) / "nats-server"))
    return next((p for p in places if p and os.path.exists(p)), None)


class Nats:
    def __init__(self, folder, config=None):
        folder = Path(folder)
        self.log = folder / "nats.log"
        if not config:
            config = folder / "nats.conf"
            config.write_text(f'listen: "127.0.0.1:-1"\njetstream {{ store_dir: "{folder / "jetstream"}" }}\n')
        self.process = subprocess.Popen([program(), "-c", str(config), "--ports_file_dir", str(folder), "-l", str(self.log)],
                                        stdin=subprocess.DEVNULL)
        ports = folder / f"nats-server_{self.process.pid}.ports"
        while not ports.exists() or not ports.read_text().strip():
            if self.process.poll() is not None:
                raise RuntimeError(self.log.read_text() if self.log.exists() else "nats-server ended")
            time.sleep(0.02)
        self.url = json.loads(ports.read_text())["nats"][0]

    def stop(self):
        self.process.kill()
        self.process.wait()
