"""Writes GGUF, version 3: a header, key-value pairs, tensor descriptions, then the tensors, each aligned."""
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
    """Lists of int become int32 arrays, as the engine expects of them; all else by its Python type."""
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


def write(path, values, tensors):
    """tensors: {name: float32 array}. Matrices are stored as f16, vectors and position tables as f32."""
    stored = {}
    for name, a in tensors.items():
        narrow = a.ndim >= 2 and not name.endswith("position_embd.weight")
        stored[name] = np.ascontiguousarray(a, np.float16 if narrow else np.float32)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(stored), len(values))
    for key, v in values.items():
        head += _string(key) + _value(v)
    at = 0
    for name, a in stored.items():
        kind = F16 if a.dtype == np.float16 else F32
        head += _string(name) + struct.pack(f"<I{a.ndim}QIQ", a.ndim, *a.shape[::-1], kind, at)
        at += a.nbytes + len(_padding(a.nbytes))
    with open(path, "wb") as f:
        f.write(head + _padding(len(head)))
        for a in stored.values():
            f.write(a.tobytes() + _padding(a.nbytes))
