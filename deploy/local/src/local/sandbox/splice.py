"""Bodies made of prepared and fresh parts, compressed at the price of the fresh parts alone.

A part that never changes is deflated once, at the start; its blocks are then copied into every answer. A full flush
ends on a byte and forgets what came before, so blocks from different compressors form one valid stream.
"""

import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
PREPARED_MIN = 1500  # bytes; below this a copy of a block costs more than compressing it
MARK = re.compile(r'"##(\w+)##"|@@(\w+)@@')


@dataclass(frozen=True, slots=True)
class Prepared:
    """A part that never changes, as it is and deflated."""

    raw: bytes
    deflated: bytes


Part = Prepared | bytes


def prepare(raw: bytes) -> Prepared:
    """Deflate a part once, so that it can be copied into many streams."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return Prepared(raw, packer.compress(raw) + packer.flush(zlib.Z_FULL_FLUSH))


class Template:
    """JSON text with marks: `"##name##"` is replaced whole, `@@name@@` inside a string."""

    def __init__(self, text: str) -> None:
        self._parts: list[Part | str] = []
        position = 0
        for mark in MARK.finditer(text):
            self._add(text[position : mark.start()])
            self._parts.append(mark[1] or mark[2])
            position = mark.end()
        self._add(text[position:])

    def _add(self, text: str) -> None:
        raw = text.encode()
        self._parts.append(prepare(raw) if len(raw) >= PREPARED_MIN else raw)

    def render(self, fields: Mapping[str, Part]) -> list[Part]:
        """The parts of one filled template; a missing field is a KeyError."""
        return [fields[part] if isinstance(part, str) else part for part in self._parts]


def join(parts: Iterable[Part]) -> bytes:
    """The body as it is."""
    return b"".join([part.raw if isinstance(part, Prepared) else part for part in parts])


def join_gzip(parts: Iterable[Part]) -> bytes:
    """The body as one gzip stream."""
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    stream, fresh, checksum, size = [GZIP_HEADER], list[bytes](), 0, 0
    for part in parts:
        raw = part.raw if isinstance(part, Prepared) else part
        checksum = zlib.crc32(raw, checksum)
        size += len(raw)
        if isinstance(part, Prepared):
            stream += (packer.compress(b"".join(fresh)), packer.flush(zlib.Z_FULL_FLUSH), part.deflated)
            fresh.clear()
        else:
            fresh.append(raw)
    stream += (packer.compress(b"".join(fresh)), packer.flush(zlib.Z_FINISH))
    stream += (checksum.to_bytes(4, "little"), (size & 0xFFFFFFFF).to_bytes(4, "little"))
    return b"".join(stream)
