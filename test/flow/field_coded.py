# SPDX-License-Identifier: Apache-2.0
"""H.264 whose fields are coded as pictures of their own (PAFF), as AVCHD cameras write it; no free encoder does.

Each macroblock is sent as samples, so nothing is transformed: the pictures carry their number as those of test_sources.py.
Predicted pictures state references that they do not use."""
BITS, CELL = 12, 20
WIDTH, HEIGHT = BITS * CELL // 16, 2  # in macroblocks of a field: the frame has twice the height


class Writer:
    def __init__(self):
        self.text = ""

    def u(self, bits, value):
        self.text += f"{value:0{bits}b}"

    def ue(self, *values):
        for value in values:
            digits = f"{value + 1:b}"
            self.text += "0" * (len(digits) - 1) + digits

    def align(self):
        self.text += "0" * (-len(self.text) % 8)

    def data(self):
        self.u(1, 1)
        self.align()
        return int(self.text, 2).to_bytes(len(self.text) // 8, "big")


def unit(head, data):
    out, zeros = bytearray(), 0
    for byte in data:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = 0 if byte else zeros + 1
    return b"\0\0\0\1" + bytes([head]) + bytes(out)


def parameter_sets(rate):
    s = Writer()
    s.u(24, 77 << 16 | 30)  # main profile, level 3
    s.ue(0, 0, 0, 4, 1)  # 16 frame numbers, 256 picture order counts, one reference
    s.u(1, 0)
    s.ue(WIDTH - 1, HEIGHT - 1)
    s.u(5, 0b00101)  # fields, no MBAFF; the last bit: VUI follows
    s.u(5, 0b00001)  # of which the timing is given
    s.u(32, 1)
    s.u(32, 2 * rate)
    s.u(5, 0b10000)
    p = Writer()
    p.ue(0, 0)
    p.u(2, 0)
    p.ue(0, 0, 0)
    p.u(3, 0)
    p.ue(0, 0, 0)
    p.u(3, 0b100)  # slices control the deblocking
    return unit(0x67, s.data()) + unit(0x68, p.data())


def field(number, place, bottom, group):
    """A field of the frame at `place` in its group of pictures."""
    intra, key = place == 0, place == 0 and not bottom
    s = Writer()
    s.ue(0, 7 if intra else 5, 0)
    s.u(4, place % 16)
    s.u(2, 2 | bottom)
    if key:
        s.ue(group % 2)
    s.u(8, (2 * place + bottom) % 256)
    s.u(2 if key else 1 if intra else 3, 0)  # no changes of reference lists, nor of what is kept
    s.ue(0, 1)  # no deblocking
    for _ in range(HEIGHT):
        for column in range(WIDTH):
            if not intra:
                s.ue(0)  # none is skipped
            s.ue(25 if intra else 30)  # I_PCM
            s.align()
            row = bytes(235 if number >> ((16 * column + x) // CELL) & 1 else 16 for x in range(16))
            samples = row * 16 + bytes([128]) * 128
            s.u(8 * len(samples), int.from_bytes(samples, "big"))
    return unit(0x65 if key else 0x61, s.data())


def stream(frames, rate, group):
    out = b""
    for n in range(frames):
        out += b"\0\0\0\1\x09\xf0" + (parameter_sets(rate) if n % group == 0 else b"")
        out += field(n, n % group, 0, n // group) + field(n, n % group, 1, n // group)
    return out
