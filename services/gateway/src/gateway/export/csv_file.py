"""CSV by RFC 4180: every field quoted, lines end in CRLF, UTF-8."""

from collections.abc import Iterable, Sequence

from gateway.export.cell import guarded, is_text, text_of
from gateway.export.entry import Line, Value
from gateway.export.table import Column

_BOM = "\ufeff"


class CsvFile:
    """`has_bom` is for a spreadsheet that would otherwise take UTF-8 for something else."""

    def __init__(self, columns: Sequence[Column], *, has_bom: bool = False) -> None:
        self._columns = columns
        self._has_bom = has_bom

    def begin(self) -> bytes:
        return _encoded((_BOM if self._has_bom else "") + _record(column.name for column in self._columns))

    def add(self, lines: Sequence[Line]) -> bytes:
        reads = [column.read for column in self._columns]
        return _encoded("".join(_record(_field(read(line)) for read in reads) for line in lines))

    def end(self) -> bytes:
        return b""


def _field(value: Value) -> str:
    if value is None:
        return ""
    text = text_of(value)
    return guarded(text) if is_text(value) else text


def _record(fields: Iterable[str]) -> str:
    return '"' + '","'.join(field.replace('"', '""') for field in fields) + '"\r\n'


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")  # half a surrogate pair is no character
