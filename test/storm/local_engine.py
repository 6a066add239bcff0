#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""In the place of llama-server: takes its options, and becomes the stand-in engine on the socket that they name. It does not
end by itself when its parent ends, so that a test sees whether vdet's does."""
import os
import sys
from pathlib import Path

arguments = sys.argv[1:]
if "--host" not in arguments:
    print("version: 1 (storm)")
    sys.exit(0)
engine = Path(__file__).resolve().parent.parent / "flow" / "fake_engine.py"
os.execv(sys.executable, [sys.executable, str(engine), "--unix", arguments[arguments.index("--host") + 1], "--stays",
                          "--key", os.environ.get("LLAMA_API_KEY", ""), "--record", os.environ["STORM_RECORD"],
                          "--latency", os.environ.get("STORM_LATENCY", "0")])
