# SPDX-License-Identifier: Apache-2.0
"""Writes and reads GGUF, version 3: a header, key-value pairs, tensor descriptions, then the tensors, each aligned."""
import struct

import numpy as np

ALIGN = 32
F32, F16 = 0, 1  # tensor types
_U32, _I32, _F32, _BOOL, _STRING, _ARRAY = 4, 5, 6, 7, 8, 9  # value types


def _string(s):
    b = s.encode()
    return struct.pack("<Q", len(b)) + b


def _scalar(v):
    if isinstance(v, bool):
        return _BOOL, struct.pack("<?", v)
    if isinstance(v, int):
        return _U32, struct.pack("<I", v)
    if isinstance(v, float):
        return _F32, struct.pack("<f", v)
    return _STRING, _string(v)


def _value(v):
    """Lists of int become int32 arrays, as the engine expects; other values follow their Python type."""
    if not isinstance(v, list):
        kind, data = _scalar(v)
        return struct.pack("<I", kind) + data
    if isinstance(v[0], int):
        kind, items = _I32, [struct.pack("<i", x) for x in v]
    else:
        kind, items = _scalar(v[0])[0], [_scalar(x)[1] for x in v]
    return struct.pack("<IIQ", _ARRAY, kind, len(v)) + b"".join(items)


def _padding(n):
    return b"\0" * (-n % ALIGN)


def _stored(name, a):
    """Matrices are stored in the narrow type; vectors and position tables stay f32."""
    if a.ndim < 2 or name.endswith("position_embd.weight"):
        return F32, a.astype(np.float32).tobytes()
    return F16, a.astype(np.float16).tobytes()


def write(path, values, tensors):
    """tensors: {name: float32 array}"""
    stored = {name: _stored(name, np.ascontiguousarray(a)) for name, a in tensors.items()}
    head = b"GGUF" + struct.pack("<IQQ", 3, len(stored), len(values))
    for key, v in values.items():
        head += _string(key) + _value(v)
    at = 0
    for name, a in tensors.items():
        type_, data = stored[name]
        head += _string(name) + struct.pack(f"<I{a.ndim}QIQ", a.ndim, *a.shape[::-1], type_, at)
        at += len(data) + len(_padding(len(data)))
    with open(path, "wb") as f:
        f.write(head + _padding(len(head)))
        for _, data in stored.values():
            f.write(data + _padding(len(data)))


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        out = struct.unpack_from(f"<{form}", self.data, self.at)
        self.at += struct.calcsize(f"<{form}")
        return out if len(out) > 1 else out[0]

    def string(self):
        n = self.take("Q")
        self.at += n
        return self.data[self.at - n:self.at].decode()

    def value(self, kind):
        if kind == _ARRAY:
            kind, n = self.take("IQ")
            return [self.value(kind) for _ in range(n)]
        return self.string() if kind == _STRING else self.take({_U32: "I", _I32: "i", _F32: "f", _BOOL: "?"}[kind])


def read(path):
    """(values, {name: float32 array}) of a file that write() wrote."""
    with open(path, "rb") as f:
        r = _Reader(f.read())
    _, _, n_tensors, n_values = r.take("4sIQQ")
    values = {}
    for _ in range(n_values):
        key = r.string()
        values[key] = r.value(r.take("I"))
    tensors, stored = [], {}
    for _ in range(n_tensors):
        name = r.string()
        shape = [r.take("Q") for _ in range(r.take("I"))]
        tensors.append((name, shape[::-1], *r.take("IQ")))
    start = r.at + len(_padding(r.at))
    for name, shape, type_, at in tensors:
        kind = np.float32 if type_ == F32 else np.float16
        a = np.frombuffer(r.data, kind, int(np.prod(shape)), start + at)
        stored[name] = a.astype(np.float32).reshape(shape)
    return values, stored
