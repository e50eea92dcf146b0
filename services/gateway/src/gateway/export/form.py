"""The formats of a file, by the ending of its name."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, Protocol

from gateway.export.csv_file import CsvFile
from gateway.export.entry import Line
from gateway.export.jsonl_file import JsonlFile
from gateway.export.table import Preset, Table
from gateway.export.xlsx_file import XlsxFile


class Form(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"
    JSONL = "jsonl"


MEDIA_TYPES: Final[Mapping[Form, str]] = {
    Form.CSV: "text/csv; charset=utf-8; header=present",
    Form.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Form.JSONL: "application/jsonl; charset=utf-8",
}


class File(Protocol):
    """A file as it goes: each call returns what is to be sent next, maybe nothing."""

    def begin(self) -> bytes: ...

    def add(self, lines: Sequence[Line]) -> bytes: ...

    def end(self) -> bytes: ...


def make_file(form: Form, table: Table, preset: Preset, *, has_bom: bool) -> File:
    match form:
        case Form.CSV:
            return CsvFile(table.columns, has_bom=has_bom)
        case Form.XLSX:
            return XlsxFile(table.columns)
        case Form.JSONL:
            return JsonlFile(None if preset is Preset.FULL else table.columns)
