# SPDX-License-Identifier: Apache-2.0
"""The demo world for Python: the C code that draws the demo videos, through ctypes.

A `World` is one scenario. It returns what is visible at a time, and draws pictures in the form in which the engine's
preprocessing passes them to the network: letterboxed to SIZE x SIZE on the engine's padding colour."""
import ctypes as C
import hashlib
import os
import subprocess
import tempfile
from math import ceil
from pathlib import Path

import numpy as np
from PIL import Image

import strange

COLORS = ["red", "green", "blue", "yellow", "white", "purple"]
SHAPES = ["circle", "square", "triangle"]
PLACES = ["street", "grass", "water", "room"]
CLEAR, BLACK, STRANGE = range(3)  # what a picture may be: of the world, black, of something else
SIZE, PAD = 96, (122, 116, 104)  # the network's input, and the colour that the engine pads pictures with


class _Event(C.Structure):  # only the first members of struct world_event are needed here
    _fields_ = [("id", C.c_int), ("color", C.c_int), ("shape", C.c_int)]


class _Sight(C.Structure):
    _fields_ = [("event", C.POINTER(_Event)), ("x", C.c_double), ("y", C.c_double), ("r", C.c_double),
                ("share", C.c_double), ("color", C.c_int)]


class _Cut(C.Structure):
    _fields_ = [("start_us", C.c_int64), ("place", C.c_int)]


class _Scene(C.Structure):
    _fields_ = [("cut", C.POINTER(_Cut)), ("caption", C.c_char_p), ("pan", C.c_double), ("light", C.c_double),
                ("hour", C.c_double), ("black", C.c_bool)]


def _library():
    """Compiles src/world into a shared library, once for each version of its sources."""
    sources = sorted((Path(__file__).parents[1] / "src/world").glob("*.[ch]"))
    version = hashlib.sha256(b"".join(s.read_bytes() for s in sources)).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"vdet-world-{os.getuid()}-{version}.so"
    if not path.exists():
        part = f"{path}.{os.getpid()}"
        flags = ["-std=gnu17", "-D_GNU_SOURCE", "-O3", "-fPIC", "-shared"]
        code = [str(s) for s in sources if s.suffix == ".c"]
        subprocess.run([os.environ.get("CC", "cc"), *flags, "-o", part, *code, "-lm"], check=True)
        os.rename(part, path)
    lib = C.CDLL(str(path))
    for name, result, *args in (
            ("world_options_default", None, C.c_void_p),
            ("world_options_parse", C.c_int, C.c_void_p, C.c_char_p, C.c_char_p, C.c_size_t),
            ("world_new", C.c_void_p, C.c_void_p, C.c_char_p, C.c_size_t),
            ("world_free", None, C.c_void_p),
            ("world_visible", C.c_size_t, C.c_void_p, C.c_int64, C.c_void_p, C.c_size_t),
            ("world_scene", None, C.c_void_p, C.c_int64, C.c_void_p),
            ("draw_new", C.c_void_p, C.c_void_p, C.c_int, C.c_int),
            ("draw_free", None, C.c_void_p),
            ("draw_frame", None, C.c_void_p, C.c_int64, C.c_void_p, C.c_size_t)):
        getattr(lib, name).restype, getattr(lib, name).argtypes = result, args
    return lib


_lib = _library()


class World:
    """One scenario; `settings` as world_options_parse() reads them, "seed=3 duration=60 events=120"."""

    def __init__(self, settings):
        self.ptr = self.drawer = self.size = None
        options, msg = C.create_string_buffer(512), C.create_string_buffer(200)
        _lib.world_options_default(options)
        if not _lib.world_options_parse(options, settings.encode(), msg, 200):
            self.ptr = _lib.world_new(options, msg, 200)
        if not self.ptr:
            raise ValueError(msg.value.decode())
        self.sights, self.surround = (_Sight * 16)(), _Scene()
        self.instead = {}  # times at which the picture is not the world's: its seed (strange.py), or None for black

    def __del__(self):
        if self.drawer:
            _lib.draw_free(self.drawer)
        if self.ptr:
            _lib.world_free(self.ptr)

    def visible(self, t):
        """The objects in the picture at t microseconds: [((color, shape) as numbers, x, y, r, share of it inside)]."""
        n = 0 if t in self.instead else _lib.world_visible(self.ptr, t, self.sights, 16)
        return [((s.color, s.event[0].shape), s.x, s.y, s.r, s.share) for s in self.sights[:n]]

    def scene(self, t):
        """(place as a number, light from 0 to 1, CLEAR, BLACK or STRANGE)"""
        _lib.world_scene(self.ptr, t, C.byref(self.surround))
        kind = (BLACK if self.instead[t] is None else STRANGE) if t in self.instead else int(self.surround.black)
        return self.surround.cut[0].place, self.surround.light, kind

    def picture(self, t, width, height):
        if self.size != (width, height):
            if self.drawer:
                _lib.draw_free(self.drawer)
            self.drawer, self.size = _lib.draw_new(self.ptr, width, height), (width, height)
        if t in self.instead:
            seed = self.instead[t]
            return np.zeros((height, width, 3), np.uint8) if seed is None else strange.picture(seed, width, height)
        rgb = np.empty((height, width, 3), np.uint8)
        _lib.draw_frame(self.drawer, t, rgb.ctypes.data, width * 3)
        return rgb


def content(width, height):
    """The rectangle (left, top, width, height) that a picture of this size takes in the network's input."""
    scale = min(np.float32(SIZE) / np.float32(width), np.float32(SIZE) / np.float32(height))
    w, h = min(ceil(np.float32(width) * scale), SIZE), min(ceil(np.float32(height) * scale), SIZE)
    return (SIZE - w) // 2, (SIZE - h) // 2, w, h


def letterbox(rgb):
    """A picture as the engine passes it to the network (its preprocessing equals Pillow's bicubic filter)."""
    height, width = rgb.shape[:2]
    if (width, height) == (SIZE, SIZE):
        return rgb
    x, y, w, h = content(width, height)
    out = np.empty((SIZE, SIZE, 3), np.uint8)
    out[:] = PAD
    out[y:y + h, x:x + w] = rgb if (w, h) == (width, height) else \
        np.asarray(Image.fromarray(rgb).resize((w, h), Image.BICUBIC))
    return out
