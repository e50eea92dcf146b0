"""One JSON document a line: the format for machines, nothing in it is guarded or joined."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.export.entry import Line, Value
from gateway.export.table import Column


class JsonlFile:
    """Without columns: the API's own documents."""

    def __init__(self, columns: Sequence[Column] | None) -> None:
        self._columns = columns

    def begin(self) -> bytes:
        return b""

    def add(self, lines: Sequence[Line]) -> bytes:
        return b"".join(self._document(line) + b"\n" for line in lines)

    def end(self) -> bytes:
        return b""

    def _document(self, line: Line) -> bytes:
        if self._columns is None:
            return line.entry.answer().encoded()
        document: Mapping[str, Any] = {column.name: _shown(column.read(line)) for column in self._columns}
        return msgspec.json.encode(document)


def _shown(value: Value) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value
